//! A table as the warehouse has it.

use cinemill_engine::error::Result;

use super::dialect::TableName;
use super::types::SqlType;
use super::{Row, Warehouse};

/// A column of a warehouse's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    pub name: String,
    pub sql_type: SqlType,
    pub nullable: bool,
}

/// The columns of a table, in order; `None` where there is no such table, or none that this user
/// may see.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn columns(
    warehouse: &mut dyn Warehouse,
    table: &TableName,
) -> Result<Option<Vec<TableColumn>>> {
    let rows = warehouse
        .query(&columns_query(warehouse.dialect(), table))
        .await?;
    let columns: Vec<TableColumn> = rows.iter().map(column).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Asks for the columns of a table.
pub fn columns_query(dialect: super::Dialect, table: &TableName) -> String {
    let [schema, table] = [&table.schema, &table.table].map(|name| dialect.string(name));
    format!(
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, \
         numeric_scale, is_nullable\n\
         FROM information_schema.columns\n\
         WHERE table_schema = {schema} AND table_name = {table}\n\
         ORDER BY ordinal_position"
    )
}

/// Whether these tables and views are there, also if this user may not look into them.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn exist(warehouse: &mut dyn Warehouse, schema: &str, names: &[&str]) -> Result<bool> {
    let query = exist_query(warehouse.dialect(), schema, names);
    Ok(warehouse.query(&query).await?.len() == names.len())
}

/// Asks which of these tables and views are there.
pub fn exist_query(dialect: super::Dialect, schema: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| dialect.string(name)).collect();
    format!(
        "SELECT c.relname\nFROM pg_class AS c\n\
         INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid\n\
         WHERE n.nspname = {} AND c.relname IN ({})",
        dialect.string(schema),
        names.join(", ")
    )
}

fn column(row: &Row) -> TableColumn {
    let text = |index: usize| row.get(index).and_then(Option::as_deref);
    let number = |index: usize| text(index).and_then(|text| text.parse::<u32>().ok());
    let sql_type = SqlType::parse(
        text(1).unwrap_or_default(),
        number(2),
        number(3).and_then(|precision| precision.try_into().ok()),
        number(4).and_then(|scale| scale.try_into().ok()),
    );
    TableColumn {
        name: text(0).unwrap_or_default().to_owned(),
        sql_type,
        nullable: text(5) != Some("NO"),
    }
}
