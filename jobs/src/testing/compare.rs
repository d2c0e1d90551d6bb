//! Expected rows against found ones, cell by cell.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, SchemaRef};

use super::rows::TextRows;
use super::typed;

/// How many lines of differences are shown of one table.
const LINES_MAX: usize = 24;

/// How far doubles may be apart, relative to the larger one.
const DOUBLE_TOLERANCE: f64 = 1e-9;

/// Rows with more differences than this are paired in their order alone.
const PAIRED_MAX: usize = 300;

type Row = Vec<Option<String>>;

/// The differences, a line each, no more than a screenful; none where the rows are those expected.
pub fn differences(
    expected: &TextRows,
    schema: &SchemaRef,
    found: &[RecordBatch],
    key: &[String],
) -> Vec<String> {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    if expected.columns != names {
        return columns(&expected.columns, &names);
    }
    match cells(expected, schema, found) {
        Err(cause) => vec![cause],
        Ok((expected_rows, found_rows)) => {
            let doubles = schema.fields().iter().map(|f| f.data_type().is_floating());
            let table = Compared {
                names: &expected.columns,
                doubles: doubles.collect(),
                key: key_places(&expected.columns, key),
            };
            let lines = match expected.ordered {
                true => table.in_order(&expected_rows, &found_rows),
                false => table.in_any_order(expected_rows, found_rows),
            };
            screenful(lines)
        }
    }
}

fn columns(expected: &[String], found: &[&str]) -> Vec<String> {
    let missing = expected
        .iter()
        .filter(|name| !found.contains(&name.as_str()));
    let surplus = found
        .iter()
        .filter(|name| !expected.iter().any(|e| e == *name));
    let mut lines: Vec<String> = missing
        .map(|name| format!("column {name}: expected, but not there"))
        .chain(surplus.map(|name| format!("column {name}: there, but not expected")))
        .collect();
    if lines.is_empty() {
        lines.push("the columns have another order".to_owned());
    }
    lines.push(format!("expected columns: {}", expected.join(", ")));
    lines.push(format!("found columns:    {}", found.join(", ")));
    lines
}

/// Both sides as texts; the expected ones go through the column's type, so that `1.5` is a decimal's
/// `1.50`. An expected text that is not of the type stays as it is, and equals nothing.
fn cells(
    expected: &TextRows,
    schema: &SchemaRef,
    found: &[RecordBatch],
) -> Result<(Vec<Row>, Vec<Row>), String> {
    let found = concat_batches(schema, found).map_err(|cause| cause.to_string())?;
    let mut expected_columns = Vec::new();
    let mut found_columns = Vec::new();
    for (place, column) in found.columns().iter().enumerate() {
        found_columns.push(typed::texts(column)?);
        let cells = expected.column(place);
        expected_columns.push(canonical(&cells, column.data_type()));
    }
    Ok((
        rows(&expected_columns, expected.rows.len()),
        rows(&found_columns, found.num_rows()),
    ))
}

fn canonical(cells: &[Option<&str>], data_type: &DataType) -> Vec<Option<String>> {
    let one = |cell: &Option<&str>| {
        let value = typed::column(&[*cell], data_type);
        let text = value.and_then(|value| typed::texts(&value)).ok();
        let text = text.and_then(|texts| texts.into_iter().next());
        text.unwrap_or_else(|| cell.map(str::to_owned))
    };
    let all = typed::column(cells, data_type).and_then(|column| typed::texts(&column));
    all.unwrap_or_else(|_| cells.iter().map(one).collect())
}

fn rows(columns: &[Vec<Option<String>>], count: usize) -> Vec<Row> {
    let row = |place: usize| columns.iter().map(|column| column[place].clone()).collect();
    (0..count).map(row).collect()
}

fn key_places(names: &[String], key: &[String]) -> Vec<usize> {
    let places = key.iter().map(|k| names.iter().position(|name| name == k));
    places.collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn screenful(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("… and {more} more lines"));
    }
    lines
}

/// What is known of a table's columns.
struct Compared<'a> {
    names: &'a [String],
    doubles: Vec<bool>,
    /// Places of the key's columns; empty where there is none.
    key: Vec<usize>,
}

impl Compared<'_> {
    fn in_order(&self, expected: &[Row], found: &[Row]) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, (expected, found)) in expected.iter().zip(found).enumerate() {
            let number = format!("row {}", place + 1);
            lines.extend(self.of_pair(&number, expected, found));
        }
        let common = expected.len().min(found.len());
        lines.extend(self.unpaired(&expected[common..], &found[common..]));
        lines
    }

    fn in_any_order(&self, expected: Vec<Row>, found: Vec<Row>) -> Vec<String> {
        let (expected, found) = self.without_equals(expected, found);
        let (pairs, expected, found) = self.pairs(expected, found);
        let mut lines = Vec::new();
        for (expected, found) in &pairs {
            lines.extend(self.of_pair(&self.title(expected), expected, found));
        }
        lines.extend(self.unpaired(&expected, &found));
        lines
    }

    /// Takes rows away that stand on both sides.
    fn without_equals(&self, expected: Vec<Row>, found: Vec<Row>) -> (Vec<Row>, Vec<Row>) {
        let mut counts: BTreeMap<&Row, usize> = BTreeMap::new();
        for row in &found {
            *counts.entry(row).or_default() += 1;
        }
        let mut missing = Vec::new();
        for row in &expected {
            match counts.get_mut(row) {
                Some(count) if *count > 0 => *count -= 1,
                _ => missing.push(row.clone()),
            }
        }
        let mut surplus = Vec::new();
        for (row, count) in counts {
            surplus.extend(std::iter::repeat_n(row.clone(), count));
        }
        (missing, surplus)
    }

    /// Pairs rows that are meant to be the same: by the key, or by how many cells they share.
    #[allow(clippy::type_complexity)]
    fn pairs(
        &self,
        expected: Vec<Row>,
        mut found: Vec<Row>,
    ) -> (Vec<(Row, Row)>, Vec<Row>, Vec<Row>) {
        let mut pairs = Vec::new();
        let mut missing = Vec::new();
        let is_small = found.len() <= PAIRED_MAX;
        for row in expected {
            let candidates = found.iter().enumerate();
            let alike = candidates
                .map(|(place, other)| (self.likeness(&row, other), place))
                .filter(|(likeness, _)| *likeness > 0)
                .max_by_key(|(likeness, place)| (*likeness, usize::MAX - place));
            match alike.filter(|_| is_small) {
                Some((_, place)) => pairs.push((row, found.remove(place))),
                None => missing.push(row),
            }
        }
        (pairs, missing, found)
    }

    /// 0 for rows that are not meant to be the same.
    fn likeness(&self, expected: &Row, found: &Row) -> usize {
        let same = |place: &usize| self.is_equal(*place, expected, found);
        if !self.key.is_empty() {
            return usize::from(self.key.iter().all(same));
        }
        let count = (0..self.names.len()).filter(same).count();
        if count * 2 >= self.names.len() {
            count
        } else {
            0
        }
    }

    fn is_equal(&self, place: usize, expected: &Row, found: &Row) -> bool {
        let (expected, found) = (&expected[place], &found[place]);
        if expected == found {
            return true;
        }
        let number = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
        match (number(expected), number(found)) {
            (Some(a), Some(b)) if self.doubles[place] => {
                (a - b).abs() <= DOUBLE_TOLERANCE * a.abs().max(b.abs())
            }
            _ => false,
        }
    }

    /// The cells of a pair that differ, below the row's title.
    fn of_pair(&self, title: &str, expected: &Row, found: &Row) -> Vec<String> {
        let different = (0..self.names.len()).filter(|p| !self.is_equal(*p, expected, found));
        let mut lines: Vec<String> = different
            .map(|place| {
                let (expected, found) = (shown(&expected[place]), shown(&found[place]));
                format!(
                    "  {}: expected {expected}, found {found}",
                    self.names[place]
                )
            })
            .collect();
        if !lines.is_empty() {
            lines.insert(0, format!("{title}:"));
        }
        lines
    }

    fn unpaired(&self, expected: &[Row], found: &[Row]) -> Vec<String> {
        let missing = expected
            .iter()
            .map(|row| format!("missing row: {}", self.whole(row)));
        let surplus = found
            .iter()
            .map(|row| format!("surplus row: {}", self.whole(row)));
        missing.chain(surplus).collect()
    }

    /// The row by its key, or by its first cell.
    fn title(&self, row: &Row) -> String {
        let first = [0];
        let places = if self.key.is_empty() {
            &first[..]
        } else {
            &self.key
        };
        format!("row {}", self.cells(places, row))
    }

    fn whole(&self, row: &Row) -> String {
        let all: Vec<usize> = (0..self.names.len()).collect();
        self.cells(&all, row)
    }

    fn cells(&self, places: &[usize], row: &Row) -> String {
        let cells = places
            .iter()
            .map(|place| format!("{}={}", self.names[*place], shown(&row[*place])));
        cells.collect::<Vec<_>>().join(", ")
    }
}

fn shown(cell: &Option<String>) -> String {
    match cell {
        None => "null".to_owned(),
        Some(text) if text.is_empty() || text.trim() != text => format!("\"{text}\""),
        Some(text) => text.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{Field, Schema};

    use super::*;

    fn compare(expected: &str, found: &str, key: &[&str]) -> Vec<String> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("k", DataType::Utf8, true),
            Field::new("n", DataType::Int32, true),
            Field::new("x", DataType::Float64, true),
        ]));
        let read = |text: &str| TextRows::read("e.tsv", text.as_bytes()).unwrap();
        let found = typed::batch(&read(found), &schema).unwrap();
        let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
        differences(&read(expected), &schema, &[found], &key)
    }

    #[test]
    fn equal_rows_differ_in_nothing_whatever_their_order() {
        let found = "k\tn\tx\na\t1\t0.1\nb\t\\N\t2\nb\t\\N\t2\n";
        let other = "k\tn\tx\nb\t\\N\t2.0\na\t1\t0.10000000001\nb\t\\N\t2.0000000001\n";
        assert_eq!(compare(other, found, &[]), [""; 0]);
    }

    #[test]
    fn differences_are_told_by_cell() {
        let found = "k\tn\tx\na\t1\t1\nb\t2\t2\nd\t4\t4\n";
        let other = "k\tn\tx\na\t1\t1\nb\t3\t\\N\nc\t9\t9\n";
        let expected = [
            "row k=b:",
            "  n: expected 3, found 2",
            "  x: expected null, found 2.0",
            "missing row: k=c, n=9, x=9.0",
            "surplus row: k=d, n=4, x=4.0",
        ];
        assert_eq!(compare(other, found, &["k"]), expected);
        let wrong_type = compare("k\tn\tx\na\tone\t1\n", "k\tn\tx\na\t1\t1\n", &["k"]);
        assert_eq!(wrong_type[1], "  n: expected one, found 1");
    }

    #[test]
    fn columns_and_order_are_told() {
        let lines = compare("k\tm\tx\n", "k\tn\tx\n", &[]);
        assert_eq!(lines[0], "column m: expected, but not there");
        assert_eq!(lines[1], "column n: there, but not expected");
        let found = "k\tn\tx\na\t1\t1\nb\t2\t2\n";
        let ordered = "# ordered\nk\tn\tx\nb\t2\t2\na\t1\t1\n";
        assert_eq!(compare(ordered, found, &[])[0], "row 1:");
    }
}
