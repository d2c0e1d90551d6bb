//! `cinemill test`: the cases of the catalogue's jobs.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::testing::{Case, Tester, cases};
use clap::Args;
use futures::StreamExt;

use super::output::{line, note};
use super::params::ParamArguments;
use super::request::CatalogArguments;

#[derive(Debug, Args)]
pub struct TestArguments {
    /// A job of the catalogue; all jobs where not given.
    job: Option<String>,

    /// Name of one case: a folder below tests/ of the job's.
    #[arg(long, value_name = "NAME", requires = "job")]
    case: Option<String>,

    #[command(flatten)]
    catalog: CatalogArguments,

    #[command(flatten)]
    params: ParamArguments,
}

pub async fn test(arguments: TestArguments) -> Result<()> {
    let chosen = chosen(&arguments)?;
    let tester = Tester::new(arguments.catalog.catalog(), arguments.params.given()?)?;
    let tester = Arc::new(tester);
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let run = |case: Case| {
        let tester = tester.clone();
        tokio::spawn(async move {
            let verdict = tester.run(&case).await;
            verdict.map(|verdict| (case, verdict))
        })
    };
    let count = chosen.len();
    let mut running = futures::stream::iter(chosen).map(run).buffered(at_once);
    let mut failed = 0;
    while let Some(ended) = running.next().await {
        let crashed = |cause| Error::new(Kind::Final, "run", "a case", cause);
        let (case, verdict) = ended.map_err(crashed)??;
        let name = format!("{}/{} ({:.1} s)", case.job, case.name, verdict.seconds);
        if verdict.problems.is_empty() {
            line(format!("ok      {name}"));
            continue;
        }
        failed += 1;
        line(format!("FAILED  {name}"));
        for problem in verdict.problems {
            line(format!("    {}", problem.replace('\n', "\n    ")));
        }
    }
    match failed {
        0 => {
            line(format!("{} passed", counted(count)));
            Ok(())
        }
        _ => {
            let cause = format!("{failed} of {} failed", counted(count));
            let what = arguments.job.as_deref().unwrap_or("the catalogue");
            Err(Error::new(Kind::Expectation, "test", what, cause))
        }
    }
}

fn chosen(arguments: &TestArguments) -> Result<Vec<Case>> {
    let catalog = arguments.catalog.catalog();
    let Some(job) = &arguments.job else {
        let mut all = Vec::new();
        for job in catalog.names()? {
            let of_job = cases(&catalog, &job)?;
            if of_job.is_empty() {
                note(format!("warning: {job} has no tests"));
            }
            all.extend(of_job);
        }
        return Ok(all);
    };
    let mut of_job = cases(&catalog, job)?;
    let missing = |what: &str, hint: String| {
        Error::new(Kind::Usage, "test", job, format!("it has {what}")).hint(hint)
    };
    if of_job.is_empty() {
        let hint = "a case is a folder tests/<case>/ in the job's folder".to_owned();
        return Err(missing("no cases", hint));
    }
    if let Some(name) = &arguments.case {
        let names: Vec<String> = of_job.iter().map(|case| case.name.clone()).collect();
        of_job.retain(|case| case.name == *name);
        if of_job.is_empty() {
            let hint = format!("there are: {}", names.join(", "));
            return Err(missing(&format!("no case `{name}`"), hint));
        }
    }
    Ok(of_job)
}

fn counted(cases: usize) -> String {
    match cases {
        1 => "1 case".to_owned(),
        _ => format!("{cases} cases"),
    }
}
