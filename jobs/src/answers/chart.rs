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

/// Draws rows; `None` where there is no number to draw, or only one row.
pub fn draw(rows: &RecordBatch) -> Option<String> {
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    if rows.num_rows() < 2 {
        return None;
    }
    let is_time = |name: &str| is_year(name) || PERIODS.contains(&name);
    let measures = names.iter().enumerate().filter(|(index, name)| {
        let is_number = rows.column(*index).data_type().is_numeric();
        let is_measure = !NO_MEASURES.iter().any(|word| name.contains(word));
        is_number && is_measure && !is_time(name)
    });
    let measures: Vec<usize> = measures.map(|(index, _)| index).collect();
    // What a film or a genre is worth says more than how many there are.
    let is_count = |index: &&usize| names[**index].contains("count");
    let measure = *measures
        .iter()
        .find(|index| !is_count(index))
        .or(measures.first())?;
    let text =
        (0..names.len()).find(|&index| is_text(rows.column(index)) && !is_time(names[index]));
    let year = names.iter().position(|name| is_year(name));
    let period = names.iter().position(|name| PERIODS.contains(name));
    let values = numbers(rows.column(measure))?;
    match (year, text, period) {
        (Some(year), text, _) if has_many(&numbers(rows.column(year))?) => {
            let years = numbers(rows.column(year))?;
            let groups = match text {
                Some(text) if !is_one_each(&years) => texts(rows.column(text))?,
                _ => vec![names[measure].to_owned(); rows.num_rows()],
            };
            Some(picture::lines(
                names[measure],
                names[year],
                &lines(&years, &values, &groups, !names[measure].contains("mean")),
            ))
        }
        (_, Some(label), _) | (_, None, Some(label)) => {
            let labels = texts(rows.column(label))?;
            let labels = match text {
                None => labels
                    .iter()
                    .map(|label| format!("{} {label}", names[label_index(&names)]))
                    .collect(),
                Some(_) => labels,
            };
            let bars: Vec<(String, f64)> = labels
                .into_iter()
                .zip(values)
                .take(BARS_MAX)
                .map(|(label, value)| (label, value.unwrap_or(0.0)))
                .collect();
            Some(picture::bars(names[measure], &bars))
        }
        _ => None,
    }
}

fn label_index(names: &[&str]) -> usize {
    names
        .iter()
        .position(|name| PERIODS.contains(name))
        .unwrap_or(0)
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
