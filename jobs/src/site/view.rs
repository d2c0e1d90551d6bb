//! What the pages show, as plain texts for the templates.

use cinemill_engine::error::Result;
use serde::Serialize;

use super::graph::{Graph, Published};
use super::runs::{self, PastRun, RunView, StatisticsView};
use super::text::file_name;
use super::{markdown, sql};
use crate::job::{
    Catalog, InputDefinition, JobDefinition, OutputDefinition, RUN_DATE, Rule, Severity, type_word,
};
use crate::lineage::{ColumnRef, Lineage};

#[derive(Debug, Serialize)]
pub struct IndexView {
    jobs: Vec<IndexEntry>,
}

#[derive(Debug, Serialize)]
struct IndexEntry {
    name: String,
    page: String,
    description: String,
    inputs: Vec<String>,
    tables: Vec<String>,
    columns: usize,
    last: Option<String>,
    last_state: Option<String>,
}

/// A job's page.
#[derive(Debug, Serialize)]
pub struct JobView {
    pub name: String,
    /// Its path from the site's root.
    pub page: String,
    description: String,
    /// HTML.
    readme: Option<String>,
    outputs: Vec<OutputView>,
    /// SVG.
    graph: String,
    params: Vec<ParamView>,
    inputs: Vec<InputView>,
    expectations: Vec<ExpectationView>,
    relations: Vec<SqlView>,
    checks: Vec<SqlView>,
    queries: Vec<SqlView>,
    runs: Vec<RunView>,
    statistics: Vec<StatisticsView>,
}

#[derive(Debug, Serialize)]
struct OutputView {
    name: String,
    facts: Vec<(&'static str, String)>,
    columns: Vec<ColumnView>,
}

#[derive(Debug, Serialize)]
struct ColumnView {
    name: String,
    kind: String,
    is_key: bool,
    comment: String,
    /// In the graph.
    id: Option<usize>,
    origins: String,
}

#[derive(Debug, Serialize)]
struct ParamView {
    name: String,
    kind: String,
    default: Option<String>,
    description: String,
}

#[derive(Debug, Serialize)]
struct InputView {
    name: String,
    facts: Vec<(&'static str, String)>,
    columns: Vec<ColumnView>,
}

#[derive(Debug, Serialize)]
struct ExpectationView {
    name: String,
    table: String,
    severity: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct SqlView {
    name: String,
    title: String,
    /// HTML.
    sql: String,
}

impl IndexView {
    pub fn of(jobs: &[JobView]) -> Self {
        Self {
            jobs: jobs.iter().map(JobView::entry).collect(),
        }
    }
}

impl JobView {
    /// Plans a job and gathers what there is to say about it.
    pub async fn of(catalog: &Catalog, name: &str, past: &[PastRun]) -> Result<Self> {
        let job = catalog.job(name)?;
        let lineage = Lineage::of(&job).await?;
        let published: Vec<_> = job.outputs.iter().map(published).collect();
        let graph = Graph::of(&lineage, &published);
        let outputs = job.outputs.iter();
        let inputs = job.inputs.iter();
        let queries = catalog.queries(name)?;
        let readme = catalog.readme(name)?;
        Ok(Self {
            name: job.name.clone(),
            page: format!("jobs/{}.html", file_name(name)),
            description: job.description.clone(),
            readme: readme.map(|text| markdown::render(&text)),
            outputs: outputs
                .map(|output| output_view(&job, output, &lineage, &graph))
                .collect(),
            graph: graph.svg,
            params: params(&job),
            inputs: inputs
                .map(|(name, input)| input_view(name, input, &lineage))
                .collect(),
            expectations: expectations(&job),
            relations: job
                .relations
                .iter()
                .map(|r| SqlView::of(&r.name, "", &r.sql))
                .collect(),
            checks: checks(&job),
            queries: queries
                .iter()
                .map(|q| SqlView::of(&q.name, &q.question, &q.sql))
                .collect(),
            runs: runs::of_job(name, past),
            statistics: runs::statistics(name, past),
        })
    }

    fn entry(&self) -> IndexEntry {
        let last = self.runs.first();
        IndexEntry {
            name: self.name.clone(),
            page: self.page.clone(),
            description: self.description.clone(),
            inputs: self.inputs.iter().map(|input| input.name.clone()).collect(),
            tables: self
                .outputs
                .iter()
                .map(|output| output.name.clone())
                .collect(),
            columns: self.outputs.iter().map(|output| output.columns.len()).sum(),
            last: last.map(|run| run.started.clone()),
            last_state: last.map(|run| run.state.to_owned()),
        }
    }
}

fn published(output: &OutputDefinition) -> Published<'_> {
    Published {
        name: &output.name,
        relation: &output.relation,
    }
}

fn output_view(
    job: &JobDefinition,
    output: &OutputDefinition,
    lineage: &Lineage,
    graph: &Graph,
) -> OutputView {
    let comments = &job.load_of(&output.name).columns;
    let columns = lineage.table(&output.relation).map(|table| &table.columns);
    let columns = columns.into_iter().flatten().map(|column| {
        let origins = lineage.origins(&ColumnRef {
            table: output.relation.clone(),
            column: column.name.clone(),
        });
        let origins = origins
            .iter()
            .map(|from| format!("{}.{}", from.table, from.column));
        let comment = comments
            .get(&column.name)
            .and_then(|column| column.comment.clone());
        ColumnView {
            name: column.name.clone(),
            kind: column.kind.clone(),
            is_key: output.key.contains(&column.name),
            comment: comment.unwrap_or_default(),
            id: graph.column(&output.name, &column.name),
            origins: origins.collect::<Vec<_>>().join(", "),
        }
    });
    let mut facts = vec![("mode", output.mode.name().to_owned())];
    let mut list = |name, columns: &[String]| {
        if !columns.is_empty() {
            facts.push((name, columns.join(", ")));
        }
    };
    list("key", &output.key);
    list("partitioned by", &output.partition_by);
    list("sorted by", &output.sort_by);
    if let Some(input) = &output.one_row_per {
        list("one row per record of", std::slice::from_ref(input));
    }
    if output.relation != output.name {
        list("rows of", std::slice::from_ref(&output.relation));
    }
    OutputView {
        name: output.name.clone(),
        columns: columns.collect(),
        facts,
    }
}

fn input_view(name: &str, input: &InputDefinition, lineage: &Lineage) -> InputView {
    let columns = lineage.table(name).map(|table| &table.columns);
    let columns = columns.into_iter().flatten().map(|column| ColumnView {
        name: column.name.clone(),
        kind: column.kind.clone(),
        is_key: input.key.contains(&column.name),
        comment: input
            .check
            .get(&column.name)
            .map(|kind| format!("a value that is no {kind} is a reject"))
            .unwrap_or_default(),
        id: None,
        origins: String::new(),
    });
    let mut facts = vec![
        ("file", input.file.clone()),
        ("format", format!("{:?}", input.format).to_lowercase()),
    ];
    if !input.key.is_empty() {
        facts.push(("key", input.key.join(", ")));
    }
    if input.optional {
        facts.push(("optional", "without it, it has no records".to_owned()));
    }
    InputView {
        name: name.to_owned(),
        columns: columns.collect(),
        facts,
    }
}

impl SqlView {
    fn of(name: &str, title: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            sql: sql::highlight(text),
        }
    }
}

fn params(job: &JobDefinition) -> Vec<ParamView> {
    let own = job.params.iter().map(|(name, param)| ParamView {
        name: name.clone(),
        kind: type_word(param.kind),
        default: param.default.as_ref().map(ToString::to_string),
        description: param.description.clone(),
    });
    let run_date = ParamView {
        name: RUN_DATE.to_owned(),
        kind: "DATE".to_owned(),
        default: Some("today, in UTC".to_owned()),
        description: "the day for which a run is made".to_owned(),
    };
    match job.params.is_empty() {
        true => Vec::new(),
        false => own.chain([run_date]).collect(),
    }
}

fn checks(job: &JobDefinition) -> Vec<SqlView> {
    let checks = job.checks.iter();
    checks
        .map(|check| {
            let title = format!(
                "must not be found: {} ({})",
                check.title,
                severity(check.severity)
            );
            SqlView::of(&check.name, &title, &check.sql)
        })
        .collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Fail => "fail",
        Severity::Warn => "warn",
    }
}

fn expectations(job: &JobDefinition) -> Vec<ExpectationView> {
    let expectations = job.expectations.iter();
    expectations
        .map(|expectation| ExpectationView {
            name: expectation.name.clone(),
            table: expectation.table.clone().unwrap_or_default(),
            severity: severity(expectation.severity),
            text: rule(&expectation.rule)
                .or_else(|| expectation.condition_sql())
                .unwrap_or_default(),
        })
        .collect()
}

/// A rule that is not about single rows.
fn rule(rule: &Rule) -> Option<String> {
    match rule {
        Rule::Unique(columns) => Some(format!("unique: {}", columns.join(", "))),
        Rule::Rows(rows) => {
            let bound =
                |bound: Option<u64>| bound.map_or_else(|| "any".to_owned(), |b| b.to_string());
            Some(format!("rows: {} to {}", bound(rows.min), bound(rows.max)))
        }
        Rule::References(references) => {
            let (columns, to) = (references.columns.join(", "), references.to.join(", "));
            Some(format!("{columns} stand in {}: {to}", references.table))
        }
        Rule::Freshness(freshness) => {
            let (column, days) = (&freshness.column, freshness.max_age_days);
            Some(format!(
                "newest {column} at most {days} days before :run_date"
            ))
        }
        Rule::Condition(_) | Rule::NotNull(_) | Rule::Accepted(_) | Rule::Range(_) => None,
    }
}
