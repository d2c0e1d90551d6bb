//! Runs cases, one after the other, in this process.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use chrono::NaiveDate;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::scratch::Scratch;
use cinemill_engine::sink::table::{Manifest, Table};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio_util::sync::CancellationToken;

use super::case::{Case, Failure};
use super::compare;
use super::given::{Place, location};
use super::rows::TextRows;
use crate::exit;
use crate::job::{Catalog, Format, JobDefinition, OutputDefinition, RUN_DATE};
use crate::run::{
    Embedded, EventSender, Outcome, Planner, RunOptions, RunRequest, drive, inputs_without_files,
    new_run_id, resolve_inputs,
};

/// `:run_date` of cases that set none, so that they mean the same every day.
const TEST_DATE: NaiveDate = match NaiveDate::from_ymd_opt(2026, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// Runs cases in a folder that goes with it.
pub struct Tester {
    catalog: Catalog,
    /// Values that go before those of the cases.
    params: BTreeMap<String, String>,
    backend: Embedded,
    scratch: Scratch,
    count: AtomicU32,
}

/// How a case ended.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub seconds: f64,
    /// A line each; none where all is as expected.
    pub problems: Vec<String>,
}

impl Tester {
    /// # Errors
    /// `Final` where no temporary folder can be made.
    pub fn new(catalog: Catalog, params: BTreeMap<String, String>) -> Result<Self> {
        Ok(Self {
            catalog,
            params,
            backend: Embedded::new(None, None)?,
            scratch: Scratch::new(&std::env::temp_dir(), "cinemill-test")?,
            count: AtomicU32::new(0),
        })
    }

    /// Runs a case.
    ///
    /// # Errors
    /// Where the job's own definition is wrong. What is wrong with the case is a problem of it.
    pub async fn run(&self, case: &Case) -> Result<Verdict> {
        let began = Instant::now();
        let job = self.catalog.job(&case.job)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.path().join(number.to_string());
        let problems = match self.problems(case, job, &folder).await {
            Ok(problems) => problems,
            Err(error) => told(&error),
        };
        // It goes with the process at the latest.
        let _ = std::fs::remove_dir_all(&folder);
        Ok(Verdict {
            seconds: began.elapsed().as_secs_f64(),
            problems,
        })
    }

    async fn problems(
        &self,
        case: &Case,
        job: JobDefinition,
        folder: &Path,
    ) -> Result<Vec<String>> {
        let place = Place::new(folder.to_owned())?;
        let mut request = self.request(case, job, &place)?;
        let expected = case.expected(&request.job)?;
        self.check_names(case, &request.job, &expected)?;
        place.write_inputs(case, &request)?;
        self.give(case, &place, &mut request).await?;
        let mut problems = Vec::new();
        let is_table = |name: &str| request.job.output(name).is_some();
        for (name, rows) in expected.iter().filter(|(name, _)| !is_table(name)) {
            let (schema, found) = self.rows_of_relation(&request, name).await?;
            let different = compare::differences(rows, &schema, &found, &[]);
            problems.extend(below(&format!("relation {name}"), different));
        }
        let settings = &case.settings;
        if expected.keys().any(|name| is_table(name)) || settings.expects_of_run() {
            problems.extend(self.run_job(case, &request, &expected).await?);
        }
        Ok(problems)
    }

    fn request(&self, case: &Case, job: JobDefinition, place: &Place) -> Result<RunRequest> {
        let settings = &case.settings;
        let of_case = settings.params.iter();
        let mut given: BTreeMap<String, String> = of_case
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        let known = |name: &str| name == RUN_DATE || job.params.contains_key(name);
        let own = self.params.iter().filter(|(name, _)| known(name));
        given.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        Ok(RunRequest {
            run_id: new_run_id(),
            params: job.settle_params(&given, TEST_DATE)?,
            job,
            input: Some(location(&place.input())?),
            inputs: BTreeMap::new(),
            output: location(&place.output())?,
            options: RunOptions {
                mode: settings.mode,
                bad_records: settings.bad_records,
                ..RunOptions::default()
            },
        })
    }

    /// Refuses files that are about nothing, which would else be forgotten.
    fn check_names(
        &self,
        case: &Case,
        job: &JobDefinition,
        expected: &BTreeMap<String, TextRows>,
    ) -> Result<()> {
        let relation = |name: &str| job.relations.iter().any(|r| r.name == name);
        let table = |name: &str| job.output(name).is_some();
        let input = |name: &str| job.inputs.contains_key(name);
        let given = case.rows_in("given")?;
        let before = case.rows_in("before")?;
        let wrong = given
            .keys()
            .filter(|name| !relation(name) && !input(name))
            .map(|name| format!("given/{name}: there is no such relation or input"))
            .chain(
                before
                    .keys()
                    .filter(|name| !table(name))
                    .map(|name| format!("before/{name}: there is no such output table")),
            )
            .chain(
                expected
                    .keys()
                    .filter(|name| !table(name) && !relation(name))
                    .map(|name| {
                        format!("expect/{name}: there is no such output table or relation")
                    }),
            )
            .chain(
                case.settings
                    .absent
                    .iter()
                    .filter(|name| !input(name))
                    .map(|name| format!("case.toml: absent: there is no input `{name}`")),
            )
            .next();
        match wrong {
            Some(cause) => Err(case.wrong(cause)),
            None if expected.is_empty() && !case.settings.expects_of_run() => Err(case
                .wrong("it expects nothing".to_owned())
                .hint("write expect.tsv, or [fails] in case.toml")),
            None => Ok(()),
        }
    }

    /// Publishes what tables are to hold before, and puts given rows in the place of relations.
    async fn give(&self, case: &Case, place: &Place, request: &mut RunRequest) -> Result<()> {
        let given = case.rows_in("given")?;
        let mut before = case.rows_in("before")?;
        for (name, rows) in &given {
            if let Some(input) = request.job.inputs.get(name)
                && input.format == Format::Previous
            {
                before.insert(input.file.clone(), rows.clone());
            }
        }
        let mut tables = BTreeMap::new();
        for (name, rows) in before {
            let relation = request.job.output(&name).map(|o| o.relation.clone());
            let schema = self
                .schema_of(request, &relation.unwrap_or_default())
                .await?;
            tables.insert(name, (rows, schema));
        }
        let relations = given
            .iter()
            .filter(|(name, _)| request.job.relations.iter().any(|r| r.name == **name));
        let mut replaced = Vec::new();
        for (name, rows) in relations {
            replaced.push((name, rows, self.schema_of(request, name).await?));
        }
        if !tables.is_empty() {
            self.drive(&place.before(request, tables)?).await?;
        }
        for (name, rows, schema) in replaced {
            place.replace_relation(request, name, rows, &schema)?;
        }
        Ok(())
    }

    async fn drive(&self, request: &RunRequest) -> Result<Outcome> {
        let silent: EventSender = Arc::new(|_| {});
        let cancel = CancellationToken::new();
        drive(request, &self.backend, &silent, &cancel).await
    }

    /// Runs the job, and compares how it ended and what it published.
    async fn run_job(
        &self,
        case: &Case,
        request: &RunRequest,
        expected: &BTreeMap<String, TextRows>,
    ) -> Result<Vec<String>> {
        let settings = &case.settings;
        let outcome = match (self.drive(request).await, &settings.fails) {
            (Ok(outcome), None) => outcome,
            (Ok(_), Some(fails)) => {
                let code = fails.exit_code;
                return Ok(vec![format!(
                    "expected exit code {code}, but the run is done"
                )]);
            }
            (Err(error), None) => return Ok(told(&error)),
            (Err(error), Some(fails)) => return Ok(as_expected(fails, &error)),
        };
        let mut problems = Vec::new();
        if let Some(verdict) = outcome.verdict {
            problems.extend(warned(settings.warnings.as_deref(), &verdict.warnings));
            if let Some(rejects) = settings.rejects.filter(|r| *r != verdict.rejects) {
                let found = verdict.rejects;
                problems.push(format!("expected {rejects} rejects, found {found}"));
            }
        }
        let snapshot = Table::open(request.output.clone())?.current().await?;
        let manifest = snapshot.map(|snapshot| snapshot.manifest);
        for (name, rows) in expected {
            let Some(output) = request.job.output(name) else {
                continue;
            };
            let (schema, found) = published(request, manifest.as_ref(), name)?;
            let different = compare::differences(rows, &schema, &found, &output.key);
            problems.extend(below(&format!("table {name}"), different));
        }
        Ok(problems)
    }

    /// The columns that a relation has by its SQL.
    async fn schema_of(&self, request: &RunRequest, relation: &str) -> Result<SchemaRef> {
        let alone = alone(request, relation);
        let planner = Planner::new(&alone, &self.backend);
        let context = planner.session(&inputs_without_files(&alone)?).await?;
        let planned = planner.relations(&context, &[]).await?;
        let found = planned.into_iter().find(|(name, _)| name == relation);
        let schema = found.map(|(_, plan)| plan.schema().as_arrow().clone());
        schema.map(Arc::new).ok_or_else(|| {
            Error::new(
                Kind::Definition,
                "plan relation",
                relation,
                "there is no such relation",
            )
        })
    }

    async fn rows_of_relation(
        &self,
        request: &RunRequest,
        relation: &str,
    ) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let failed = |cause: DataFusionError| Error::from_datafusion(&cause, "run", relation);
        let alone = alone(request, relation);
        let planner = Planner::new(&alone, &self.backend);
        let context = planner.session(&resolve_inputs(&alone).await?).await?;
        planner.relations(&context, &[]).await?;
        let table = context.table(TableReference::bare(relation)).await;
        let table = table.map_err(failed)?;
        let schema = Arc::new(table.schema().as_arrow().clone());
        Ok((schema, table.collect().await.map_err(failed)?))
    }
}

/// The same request for one relation, about which nothing is expected.
fn alone(request: &RunRequest, relation: &str) -> RunRequest {
    let mut alone = request.clone();
    alone.job.expectations.clear();
    alone.job.checks.clear();
    let of_relation = |output: &OutputDefinition| OutputDefinition {
        relation: relation.to_owned(),
        ..output.clone()
    };
    alone.job.outputs = alone
        .job
        .outputs
        .first()
        .map(of_relation)
        .into_iter()
        .collect();
    alone
}

/// The rows of a published table.
fn published(
    request: &RunRequest,
    manifest: Option<&Manifest>,
    table: &str,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let unreadable = |cause: String| Error::new(Kind::Final, "read table", table, cause);
    let mut schema = None;
    let mut rows = Vec::new();
    let files = manifest
        .and_then(|m| m.table(table))
        .map(|found| found.files);
    for file in files.unwrap_or_default() {
        let path = request.output.join(&file.path).to_string();
        let file = File::open(&path).map_err(|cause| unreadable(format!("{path}: {cause}")))?;
        let read = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
            let schema = builder.schema().clone();
            Ok::<_, DataFusionError>((schema, builder.build()?.collect::<Result<Vec<_>, _>>()?))
        };
        let (of_file, batches) = read().map_err(|cause| unreadable(cause.to_string()))?;
        schema = Some(of_file);
        rows.extend(batches);
    }
    let schema = schema.ok_or_else(|| unreadable("nothing was published".to_owned()))?;
    Ok((schema, rows))
}

/// Lines below a title, where there are any.
fn below(title: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    let lines = lines.into_iter().map(|line| format!("  {line}"));
    std::iter::once(format!("{title}:")).chain(lines).collect()
}

fn told(error: &Error) -> Vec<String> {
    let hint = error.hint.as_ref().map(|hint| format!("hint: {hint}"));
    std::iter::once(error.to_string()).chain(hint).collect()
}

/// What is wrong with a failure that is expected.
fn as_expected(fails: &Failure, error: &Error) -> Vec<String> {
    let mut problems = Vec::new();
    let code = exit::number(error.kind);
    if code != fails.exit_code {
        problems.push(format!(
            "expected exit code {}, found {code}",
            fails.exit_code
        ));
    }
    let text = told(error).join("\n");
    let missing = fails.words.iter().filter(|words| !text.contains(*words));
    problems.extend(missing.map(|words| format!("expected the error to say `{words}`")));
    if !problems.is_empty() {
        problems.extend(told(error));
    }
    problems
}

/// What is wrong with the warnings of a run: each expected one stands in one of them, and there are
/// no others.
fn warned(expected: Option<&[String]>, found: &[String]) -> Vec<String> {
    let Some(expected) = expected else {
        return Vec::new();
    };
    let missing = expected
        .iter()
        .filter(|words| !found.iter().any(|line| line.contains(*words)))
        .map(|words| format!("expected a warning with `{words}`"));
    let surplus = found
        .iter()
        .filter(|line| !expected.iter().any(|words| line.contains(words)))
        .map(|line| format!("a warning that is not expected: {line}"));
    missing.chain(surplus).collect()
}
