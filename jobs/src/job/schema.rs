//! Schemas as Spark writes them: `tconst STRING, startYear INT`.

use std::sync::Arc;

use cinemill_engine::source::{Column, ColumnType};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Reads the schema of a text in Spark's DDL form.
pub fn parse(ddl: &str) -> Result<Vec<Column>, String> {
    let columns = fields(ddl)?.into_iter();
    columns
        .map(|(name, kind)| Ok(Column::new(name, column_type(kind)?)))
        .collect()
}

/// Reads the schema of a table in Spark's DDL form.
pub fn table(ddl: &str) -> Result<SchemaRef, String> {
    let columns = fields(ddl)?.into_iter();
    let columns = columns.map(|(name, kind)| Ok(Field::new(name, table_type(kind)?, true)));
    Ok(Arc::new(Schema::new(
        columns.collect::<Result<Vec<_>, String>>()?,
    )))
}

/// Each column's name and the words of its type.
fn fields(ddl: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut depth = 0;
    let separates = |c: char| {
        depth += i32::from("(<".contains(c)) - i32::from(")>".contains(c));
        c == ',' && depth == 0
    };
    let written = ddl.split(separates).map(str::trim);
    let written = written.filter(|field| !field.is_empty());
    let columns = written.map(column).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Err("it names no column".to_owned());
    }
    for (index, (name, _)) in columns.iter().enumerate() {
        if columns[..index]
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            return Err(format!("it names the column {name} twice"));
        }
    }
    Ok(columns)
}

fn column(field: &str) -> Result<(&str, &str), String> {
    let split = field.split_once(char::is_whitespace);
    let split = split.map(|(name, kind)| (name.trim_matches('`'), kind.trim()));
    let is_one_word = |kind: &str| kind.contains(['(', '<']) || !kind.contains(char::is_whitespace);
    split
        .filter(|(_, kind)| is_one_word(kind))
        .ok_or_else(|| format!("`{field}` is not of the form `<column> <TYPE>`"))
}

/// Reads a type of a table's column in Spark's words.
fn table_type(words: &str) -> Result<DataType, String> {
    let upper = words.to_ascii_uppercase();
    let simple = match upper.as_str() {
        "TINYINT" | "BYTE" => Some(DataType::Int8),
        "SMALLINT" | "SHORT" => Some(DataType::Int16),
        "FLOAT" | "REAL" => Some(DataType::Float32),
        "BINARY" => Some(DataType::Binary),
        "TIMESTAMP" => Some(DataType::Timestamp(
            TimeUnit::Microsecond,
            Some("UTC".into()),
        )),
        "TIMESTAMP_NTZ" => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        _ => match decimal(&upper) {
            Some(found) => Some(found),
            None => nested(words)?,
        },
    };
    match simple {
        Some(found) => Ok(found),
        None => column_type(words).map(ColumnType::arrow).map_err(|_| {
            format!(
                "`{words}` is no type of a table's column; there are STRING, TINYINT, SMALLINT, \
                 INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p, s), BOOLEAN, DATE, TIMESTAMP, \
                 TIMESTAMP_NTZ, BINARY, ARRAY<…>, STRUCT<name: …>"
            )
        }),
    }
}

/// `ARRAY<type>` and `STRUCT<name: type, …>`; `None` for other words.
fn nested(words: &str) -> Result<Option<DataType>, String> {
    let Some((kind, inner)) = words.split_once('<') else {
        return Ok(None);
    };
    let Some(inner) = inner.trim_end().strip_suffix('>') else {
        return Ok(None);
    };
    Ok(match kind.trim().to_ascii_uppercase().as_str() {
        "ARRAY" => {
            let item = table_type(inner.trim())?;
            Some(DataType::List(Field::new_list_field(item, true).into()))
        }
        "STRUCT" => Some(DataType::Struct(
            table(&colons_away(inner))?.fields().clone(),
        )),
        _ => None,
    })
}

/// A struct's fields as columns are written; colons of structs inside stay.
fn colons_away(fields: &str) -> String {
    let mut depth = 0;
    let outer = fields.chars().map(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        if c == ':' && depth == 0 { ' ' } else { c }
    });
    outer.collect()
}

fn decimal(upper: &str) -> Option<DataType> {
    let inner = upper.strip_prefix("DECIMAL")?.trim();
    let inner = inner.strip_prefix('(')?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    let precision = precision
        .trim()
        .parse()
        .ok()
        .filter(|p| (1..=38).contains(p))?;
    let scale = scale.trim().parse().ok()?;
    Some(DataType::Decimal128(precision, scale))
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
        let columns = table("a DECIMAL(10, 2), b timestamp").unwrap();
        assert_eq!(columns.field(0).data_type(), &DataType::Decimal128(10, 2));
        let nested = table("a ARRAY<STRUCT<id: INT, tags: ARRAY<STRING>>>, b INT").unwrap();
        let told = nested.field(0).data_type().to_string();
        assert!(told.contains("Int32") && told.contains("tags"), "{told}");
        assert!(table("a DECIMAL(40)").is_err());
        for bad in ["", "a", "a INT b", "a UUID", "a INT, A INT"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
