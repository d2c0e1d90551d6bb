//! Rows as they stand in the files of a case.

use cinemill_engine::error::{Error, Kind, Result};

/// Stands for null.
pub const NULL: &str = "\\N";

/// The first line of a file whose rows are expected in this order.
const ORDERED: &str = "# ordered";

/// A header and rows; `None` for null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRows {
    /// The file, for messages.
    pub file: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    pub ordered: bool,
}

impl TextRows {
    /// Reads a file by its ending: `.tsv` has no quoting at all, `.csv` is RFC 4180; in both `\N` is
    /// null.
    ///
    /// # Errors
    /// `Definition` for a file without a header, or a row of another length, with its line.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |cause: String| Error::new(Kind::Definition, "read", file, cause);
        let text = std::str::from_utf8(bytes).map_err(|cause| wrong(cause.to_string()))?;
        let (ordered, text) = match text.strip_prefix(ORDERED) {
            Some(rest) => (true, rest.trim_start_matches(['\r', '\n'])),
            None => (false, text),
        };
        let records = match file.ends_with(".csv") {
            true => comma_separated(text).map_err(wrong)?,
            false => tab_separated(text),
        };
        let mut records = records.into_iter();
        let columns = records
            .next()
            .ok_or_else(|| wrong("it has no header".to_owned()))?;
        let mut rows = Vec::new();
        for (place, record) in records.enumerate() {
            if record.len() != columns.len() {
                let (has, wanted) = (record.len(), columns.len());
                let row = place + 1;
                return Err(wrong(format!(
                    "row {row} has {has} cells, the header {wanted}"
                )));
            }
            let cells = record.into_iter();
            rows.push(cells.map(|cell| (cell != NULL).then_some(cell)).collect());
        }
        Ok(Self {
            file: file.to_owned(),
            columns,
            rows,
            ordered,
        })
    }

    /// The cells of a column.
    pub fn column(&self, place: usize) -> Vec<Option<&str>> {
        let rows = self.rows.iter();
        rows.map(|row| row[place].as_deref()).collect()
    }

    /// The rows as a file of RFC 4180, in which an empty field is null.
    pub fn as_csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let header: Vec<String> = self.columns.iter().map(|name| quoted(name)).collect();
        let mut csv = header.join(",") + "\n";
        for row in &self.rows {
            let cells = row
                .iter()
                .map(|cell| cell.as_deref().map_or_else(String::new, quoted));
            csv += &(cells.collect::<Vec<_>>().join(",") + "\n");
        }
        csv
    }

    /// The rows in IMDb's dialect.
    pub fn as_imdb(&self) -> String {
        let mut tsv = self.columns.join("\t") + "\n";
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(|c| c.as_deref().unwrap_or(NULL)).collect();
            tsv += &(cells.join("\t") + "\n");
        }
        tsv
    }
}

fn tab_separated(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn comma_separated(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let records = reader.records().map(|record| {
        let record = record.map_err(|cause| cause.to_string())?;
        Ok(record.iter().map(str::to_owned).collect())
    });
    records.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_their_endings() {
        let tsv = TextRows::read("a.tsv", b"x\ty\n\\N\t\"q\"\n").unwrap();
        assert_eq!(tsv.columns, ["x", "y"]);
        assert_eq!(tsv.rows, [[None, Some("\"q\"".to_owned())]]);
        let csv = TextRows::read("a.csv", b"# ordered\nx,y\n\\N,\"a\n\"\"b\"\n").unwrap();
        assert_eq!(csv.rows, [[None, Some("a\n\"b".to_owned())]]);
        assert!(csv.ordered && !tsv.ordered);
        assert_eq!(csv.as_csv(), "\"x\",\"y\"\n,\"a\n\"\"b\"\n");
        assert_eq!(tsv.as_imdb(), "x\ty\n\\N\t\"q\"\n");
        for (text, words) in [("", "no header"), ("x\ty\n1\n", "row 1 has 1 cells")] {
            let error = TextRows::read("a.tsv", text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
