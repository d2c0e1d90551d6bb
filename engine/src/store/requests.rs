//! Requests to buckets, counted for whoever pays for them.

use std::future::Future;

use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use object_store::client::HttpRequest;

const READS: &str = "s3_reads";
const WRITES: &str = "s3_writes";

/// How many requests were sent, every try counted, in the two classes that S3 has prices for.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// GET and HEAD.
    reads: Count,
    /// PUT, POST and listings. Deletions cost nothing.
    writes: Count,
}

tokio::task_local! {
    static CURRENT: Requests;
}

impl Requests {
    /// Those that the current task counts.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_default()
    }

    /// As metrics of an operator; see [`Requests::noted`].
    pub(crate) fn of_operator(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        Self {
            reads: MetricBuilder::new(set).counter(READS, partition),
            writes: MetricBuilder::new(set).counter(WRITES, partition),
        }
    }

    /// Counts what a future sends.
    pub async fn count<F: Future>(&self, future: F) -> F::Output {
        CURRENT.scope(self.clone(), future).await
    }

    /// Reads and writes so far.
    pub fn sent(&self) -> (u64, u64) {
        (self.reads.value() as u64, self.writes.value() as u64)
    }

    /// Reads and writes that an operator noted.
    pub fn noted(metrics: &MetricsSet) -> (u64, u64) {
        let sum = |name| {
            let value = metrics.sum_by_name(name);
            value.map_or(0, |value| value.as_usize() as u64)
        };
        (sum(READS), sum(WRITES))
    }
}

/// Lets a future that is going to be a task of its own count for the task that makes it.
pub(crate) fn inherited<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let requests = Requests::current();
    async move { requests.count(future).await }
}

/// Notes a request that is about to be sent.
pub(super) fn note(request: &HttpRequest) {
    let _nobody_counts = CURRENT.try_with(|requests| {
        let query = request.uri().query().unwrap_or_default();
        match request.method().as_str() {
            "DELETE" => {}
            // Many deletions in one request.
            "POST" if query == "delete" => {}
            "HEAD" => requests.reads.add(1),
            "GET" if !query.contains("list-type=") && !query.contains("uploads") => {
                requests.reads.add(1);
            }
            _ => requests.writes.add(1),
        }
    });
}
