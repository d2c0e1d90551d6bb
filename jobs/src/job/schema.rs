//! Schemas as Spark writes them: `tconst STRING, startYear INT`.

use cinemill_engine::source::{Column, ColumnType};

/// Reads a schema in Spark's DDL form.
pub fn parse(ddl: &str) -> Result<Vec<Column>, String> {
    let fields = ddl
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty());
    let columns = fields.map(column).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Err("it names no column".to_owned());
    }
    for (index, column) in columns.iter().enumerate() {
        if columns[..index]
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&column.name))
        {
            return Err(format!("it names the column {} twice", column.name));
        }
    }
    Ok(columns)
}

fn column(field: &str) -> Result<Column, String> {
    match field.split_whitespace().collect::<Vec<_>>()[..] {
        [name, kind] => Ok(Column::new(name.trim_matches('`'), column_type(kind)?)),
        _ => Err(format!("`{field}` is not of the form `<column> <TYPE>`")),
    }
}

/// Reads a type in Spark's words.
pub fn column_type(word: &str) -> Result<ColumnType, String> {
    match word.to_ascii_uppercase().as_str() {
        "STRING" => Ok(ColumnType::String),
        "INT" | "INTEGER" => Ok(ColumnType::Int),
        "BIGINT" | "LONG" => Ok(ColumnType::Bigint),
        "DOUBLE" => Ok(ColumnType::Double),
        "BOOLEAN" => Ok(ColumnType::Boolean),
        "DATE" => Ok(ColumnType::Date),
        _ => Err(format!(
            "`{word}` is no type of a text column; there are STRING, INT, BIGINT, DOUBLE, BOOLEAN, DATE"
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_read_as_spark_reads_it() {
        let columns = parse("\n tconst STRING, startYear int,\n").unwrap();
        assert_eq!(columns.len(), 2);
        assert_eq!(
            (columns[1].name.as_str(), columns[1].data_type),
            ("startYear", ColumnType::Int)
        );
        for bad in ["", "a", "a INT b", "a UUID", "a INT, A INT"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
