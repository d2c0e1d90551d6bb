//! The document's text.

use cinemill_engine::error::{Error, Kind, Result};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::Answer;
use crate::job::JobDefinition;

/// How many rows of an answer are shown.
const ROWS_MAX: usize = 10;

pub const INTRODUCTION: &str = "# Questions and answers

The questions of the pipelines from which the catalogue comes, each answered by a named query
(`cinemill queries` lists them, `cinemill query <job>/<name> --to <warehouse>` asks a warehouse), on
**made-up data**: `cinemill sample`. No title, person or number below is real.

Made by [`docs/questions.sh`](questions.sh), which makes the data, runs the jobs and answers the
queries over the Parquet files; do not edit it by hand. Queries about a warehouse's own ledger
(`freshness`) are left out.

| whose question | answered under |
|---|---|
| the IMDb capstone: Mission Impossible's runtimes, good thrillers, films of 2004, Ozark's writers | `imdb_titles` |
| CineETL and Movalytics: best rated films, popular genres, box office by month and quarter, earnings by genre in real terms | `movie_insights` |
| movies.py: budget, revenue, profit, popularity and releases by company, by genre, by year | `movie_insights` |
| the IMDb top 50: the lists, who came and went, whose films are in them | `imdb_top50` |
";

pub fn heading(job: &JobDefinition) -> String {
    format!("\n## {}\n\n{}.\n", job.name, job.description)
}

/// One question: in words, its query, the rows, the chart.
pub fn answer(answer: &Answer) -> Result<String> {
    let Answer { query, rows, chart } = answer;
    let (job, name) = (&query.job, &query.name);
    let failed = |cause| Error::new(Kind::Final, "write answer", name, cause);
    let sql = format!("../jobs/catalog/{job}/queries/{name}.sql");
    let mut text = format!("\n### {}\n\n[`{job}/{name}`]({sql})\n\n", query.question);
    if rows.num_rows() == 0 {
        return Ok(text + "The sample data has none.\n");
    }
    text += &table(rows).map_err(failed)?;
    if rows.num_rows() > ROWS_MAX {
        text += &format!("\nThe first {ROWS_MAX} of {} rows.\n", rows.num_rows());
    }
    if let Some(chart) = chart {
        text += &format!("\n![{}]({chart})\n", query.question);
    }
    Ok(text)
}

fn table(rows: &RecordBatch) -> Result<String, datafusion::arrow::error::ArrowError> {
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let marks = schema
        .fields()
        .iter()
        .map(|field| match field.data_type().is_numeric() {
            true => "---:",
            false => "---",
        });
    let marks: Vec<&str> = marks.collect();
    let mut text = format!("| {} |\n|{}|\n", names.join(" | "), marks.join("|"));
    for row in 0..rows.num_rows().min(ROWS_MAX) {
        let cells = rows.columns().iter().map(|column| cell(column, row));
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        text += &format!("| {} |\n", cells.join(" | "));
    }
    Ok(text)
}

/// A value as people read it; what means something in Markdown is escaped.
fn cell(values: &dyn Array, row: usize) -> Result<String, datafusion::arrow::error::ArrowError> {
    if values.is_null(row) {
        return Ok(String::new());
    }
    if values.data_type() == &DataType::Float64 {
        return Ok(rounded(values.as_primitive::<Float64Type>().value(row)));
    }
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(values, &options)?
        .value(row)
        .to_string();
    let mut escaped = String::new();
    for character in text.chars() {
        if "\\`*_[]<>|#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(if character == '\n' { ' ' } else { character });
    }
    Ok(escaped)
}

/// Fewer digits than machines differ in.
pub fn rounded(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
