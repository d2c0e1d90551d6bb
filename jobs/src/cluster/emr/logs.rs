//! The logs that EMR puts into its bucket: of steps, when they end, and of nodes, every few minutes.

use std::io::Read;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::{self, Location};
use flate2::read::MultiGzDecoder;

use super::{EmrTarget, view};
use crate::aws::failure;
use crate::cluster::logs::{Log, LogQuery, last_lines};

impl EmrTarget {
    /// The ends of the logs of a step or node; of the newest step where neither is named.
    ///
    /// # Errors
    /// `Input` where there is none (yet).
    pub async fn logs(&self, query: &LogQuery) -> Result<Vec<Log>> {
        let folder = match (&query.step, &query.node) {
            (Some(step), _) => format!("steps/{step}"),
            (None, Some(node)) => format!("node/{node}"),
            (None, None) => format!("steps/{}", self.newest_step().await?),
        };
        let folder = Location::parse(&format!("{}/{}/{folder}", self.log_uri().await?, self.id))?;
        let store = store::open(&folder)?;
        let mut logs = Vec::new();
        for object in store.list(folder.path()).await? {
            let Some((bytes, _)) = store.read(&object.location).await? else {
                continue;
            };
            let name = object.location.to_string();
            let text = unpacked(&name, &bytes)?;
            logs.push(Log {
                lines: last_lines(&text, query.lines),
                name,
            });
        }
        if logs.is_empty() {
            let cause = "there are none";
            return Err(Error::new(Kind::Input, "read logs in", &folder, cause)
                .hint("EMR puts them there some minutes after they were written"));
        }
        Ok(logs)
    }

    async fn log_uri(&self) -> Result<String> {
        let cluster = view::cluster(&self.client, &self.id).await?;
        let uri = cluster.log_uri().ok_or_else(|| {
            Error::new(Kind::Input, "find logs of", &self.id, "it keeps none")
                .hint("a cluster gets its log_uri when it is created")
        })?;
        // The file system of Hadoop's that EMR once used.
        Ok(uri
            .replacen("s3n://", "s3://", 1)
            .trim_end_matches('/')
            .to_owned())
    }

    async fn newest_step(&self) -> Result<String> {
        let steps = self.client.list_steps().cluster_id(&self.id).send().await;
        let steps = steps.map_err(|cause| failure(cause, "list steps of", &self.id))?;
        let newest = steps.steps().first().and_then(|step| step.id());
        newest.map(str::to_owned).ok_or_else(|| {
            Error::new(Kind::Input, "read logs of", &self.id, "it had no step yet")
                .hint("name a node with --node; `cinemill cluster describe` lists them")
        })
    }
}

fn unpacked(name: &str, bytes: &[u8]) -> Result<String> {
    if !name.ends_with(".gz") {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes)
        .read_to_end(&mut text)
        .map_err(|cause| Error::new(Kind::Input, "unpack", name, cause))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
