//! An answer as a picture: bars, or lines where there are years.

mod picture;

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

const BARS_MAX: usize = 15;
const LINES_MAX: usize = 5;
/// Columns that say when, beside those of years.
const PERIODS: [&str; 3] = ["month", "quarter", "capture_date"];
/// Numbers that are no measure.
const NO_MEASURES: [&str; 3] = ["rank", "number", "key"];

/// Draws the rows of a query; `None` where there is no number to draw, or only one row.
pub fn draw(query: &str, rows: &RecordBatch) -> Option<String> {
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    if rows.num_rows() < 2 {
        return None;
    }
    let measure = measure(query, rows, &names)?;
    let values = numbers(rows.column(measure))?;
    let text = text_column(rows, &names);
    let year = names.iter().position(|name| is_year(name));
    let years = year.and_then(|year| numbers(rows.column(year)));
    if let (Some(year), Some(years)) = (year, &years)
        && (is_one_each(years) || is_sum(names[measure]) && has_many(years))
    {
        let groups = match text {
            Some(text) if !is_one_each(years) => texts(rows.column(text))?,
            _ => vec![names[measure].to_owned(); rows.num_rows()],
        };
        let lines = lines(years, &values, &groups, is_sum(names[measure]));
        return Some(picture::lines(names[measure], names[year], &lines));
    }
    let labels = labels(rows, &names, text, years.as_deref())?;
    let bars = labels.into_iter().zip(values).take(BARS_MAX);
    let bars: Vec<_> = bars
        .map(|(label, value)| (label, value.unwrap_or(0.0)))
        .collect();
    Some(picture::bars(names[measure], &bars))
}

/// The column to draw: the one that the query is named for, as `profit` in `most_profitable_films`;
/// else what a film or a genre is worth says more than how many there are.
fn measure(query: &str, rows: &RecordBatch, names: &[&str]) -> Option<usize> {
    let measures = names.iter().enumerate().filter(|(index, name)| {
        let is_number = rows.column(*index).data_type().is_numeric();
        is_number && !NO_MEASURES.iter().any(|word| name.contains(word)) && !is_time(name)
    });
    let measures: Vec<usize> = measures.map(|(index, _)| index).collect();
    let is_named_for = |index: &&usize| {
        let word = names[**index].split('_').next().unwrap_or_default();
        word.len() > 3 && query.contains(word)
    };
    if let Some(named) = measures.iter().find(is_named_for) {
        return Some(*named);
    }
    let worth = measures
        .iter()
        .find(|index| !names[**index].contains("count"));
    worth.or(measures.first()).copied()
}

/// The column that names a row: a title, if there is one.
fn text_column(rows: &RecordBatch, names: &[&str]) -> Option<usize> {
    let mut columns = (0..names.len()).filter(|&index| is_text(rows.column(index)));
    let title = columns
        .clone()
        .find(|&index| names[index].ends_with("title"));
    title.or_else(|| columns.find(|&index| !is_time(names[index])))
}

fn labels(
    rows: &RecordBatch,
    names: &[&str],
    text: Option<usize>,
    years: Option<&[Option<f64>]>,
) -> Option<Vec<String>> {
    let Some(text) = text else {
        let period = names.iter().position(|name| PERIODS.contains(name))?;
        let labels = texts(rows.column(period))?.into_iter();
        return Some(
            labels
                .map(|label| format!("{} {label}", names[period]))
                .collect(),
        );
    };
    let labels = texts(rows.column(text))?;
    let Some(years) = years else {
        return Some(labels);
    };
    let dated = labels
        .into_iter()
        .zip(years)
        .map(|(label, year)| match year {
            Some(year) => format!("{label} ({year:.0})"),
            None => label,
        });
    Some(dated.collect())
}

fn is_time(name: &str) -> bool {
    is_year(name) || PERIODS.contains(&name)
}

/// Whether values of several rows can be added up.
fn is_sum(measure: &str) -> bool {
    !["mean", "average", "rating"]
        .iter()
        .any(|word| measure.contains(word))
}

fn is_text(column: &dyn Array) -> bool {
    matches!(
        column.data_type(),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    )
}

fn is_year(name: &str) -> bool {
    name == "year" || name.ends_with("_year")
}

/// Whether each year has one row.
fn is_one_each(years: &[Option<f64>]) -> bool {
    let mut whole: Vec<i64> = years.iter().flatten().map(|year| *year as i64).collect();
    whole.sort_unstable();
    whole.dedup();
    whole.len() == years.len()
}

fn has_many(years: &[Option<f64>]) -> bool {
    let mut years: Vec<i64> = years.iter().flatten().map(|year| *year as i64).collect();
    years.sort_unstable();
    years.dedup();
    years.len() > 2
}

fn numbers(column: &dyn Array) -> Option<Vec<Option<f64>>> {
    let column = cast(column, &DataType::Float64).ok()?;
    Some(column.as_primitive::<Float64Type>().iter().collect())
}

fn texts(column: &dyn Array) -> Option<Vec<String>> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options).ok()?;
    Some(
        (0..column.len())
            .map(|row| formatter.value(row).to_string())
            .collect(),
    )
}

/// The groups with the largest sums, each with its sum per year.
fn lines(
    years: &[Option<f64>],
    values: &[Option<f64>],
    groups: &[String],
    is_sum: bool,
) -> Vec<(String, BTreeMap<i64, f64>)> {
    let mut lines: BTreeMap<&str, BTreeMap<i64, f64>> = BTreeMap::new();
    for ((year, value), group) in years.iter().zip(values).zip(groups) {
        if let (Some(year), Some(value)) = (year, value) {
            *lines
                .entry(group)
                .or_default()
                .entry(*year as i64)
                .or_default() += value;
        }
    }
    let mut lines: Vec<(String, BTreeMap<i64, f64>)> = lines
        .into_iter()
        .map(|(group, line)| (group.to_owned(), line))
        .collect();
    let sum = |line: &BTreeMap<i64, f64>| line.values().sum::<f64>();
    lines.sort_by(|left, right| sum(&right.1).total_cmp(&sum(&left.1)));
    lines.truncate(LINES_MAX);
    if is_sum {
        fill_gaps(&mut lines);
    }
    lines
}

/// A year without rows has a sum of nothing.
fn fill_gaps(lines: &mut [(String, BTreeMap<i64, f64>)]) {
    let years = lines.iter().flat_map(|(_, line)| line.keys().copied());
    let (first, last) = (years.clone().min(), years.max());
    if let (Some(first), Some(last)) = (first, last) {
        for (_, line) in lines {
            for year in first..=last {
                line.entry(year).or_default();
            }
        }
    }
}
