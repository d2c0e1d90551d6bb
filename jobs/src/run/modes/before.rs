//! A table as it was before the run.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{Manifest, ManifestFile};
use cinemill_engine::sink::writer::table_schema;
use cinemill_engine::store::Location;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ident, lit};

use crate::job::OutputDefinition;
use crate::run::planner::Planned;
use crate::run::tables::TableInput;

/// Begins the names of its columns beside those of new rows.
const PREFIX: &str = "__before_";
/// A column that is true in each of its rows, and null where an outer join found none.
pub const IS_THERE: &str = "__before";

/// A table's snapshot that the run replaces, or adds to.
#[derive(Debug, Clone)]
pub struct Before {
    pub files: Vec<ManifestFile>,
    pub partition_by: Vec<String>,
    folder: Location,
    run_id: String,
    columns: Vec<(String, String)>,
}

impl Before {
    /// What an output's folder holds of a table; `None` where the table is not there yet.
    pub fn of(
        output: &OutputDefinition,
        folder: &Location,
        base: Option<&Manifest>,
    ) -> Option<Self> {
        let manifest = base?;
        let has_tables = !manifest.tables.is_empty();
        // One table and several in the same folder are other tables.
        if has_tables == output.folder.is_empty() {
            return None;
        }
        let table = manifest.table(&output.name)?;
        Some(Self {
            files: table.files.iter().map(|file| (*file).clone()).collect(),
            partition_by: table.partition_by.to_vec(),
            folder: folder.clone(),
            run_id: manifest.run_id.clone(),
            columns: table.columns.to_vec(),
        })
    }

    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Refuses to add rows to a table of other columns, or of other Hive folders.
    pub fn check_fits(&self, output: &OutputDefinition, planned: &Planned) -> Result<()> {
        let schema = table_schema(&planned.sink, &planned.schema);
        let new = Manifest::columns_of(&schema);
        let wrong = |cause: String| {
            Err(
                Error::new(Kind::Definition, "add rows to", &output.name, cause)
                    .hint("publish the table anew with --mode overwrite"),
            )
        };
        if let Some((before, now)) = self.columns.iter().zip(&new).find(|(a, b)| a != b) {
            let words = |(name, kind): &(String, String)| format!("{name} {kind}");
            return wrong(format!(
                "the table has the column {} where the job has {}",
                words(before),
                words(now)
            ));
        }
        if self.columns.len() != new.len() {
            let (before, now) = (self.columns.len(), new.len());
            return wrong(format!("the table has {before} columns, the job {now}"));
        }
        if self.partition_by != planned.sink.partition_by {
            let hive = |columns: &[String]| match columns {
                [] => "has no Hive folders".to_owned(),
                columns => format!("has Hive folders by {}", columns.join(", ")),
            };
            return wrong(format!(
                "the table {}, the job {}",
                hive(&self.partition_by),
                hive(&planned.sink.partition_by)
            ));
        }
        Ok(())
    }

    /// The rows of some of its files, with the stored types.
    pub fn rows_of(
        &self,
        files: &[ManifestFile],
        planned: &Planned,
    ) -> Result<DataFrame, DataFusionError> {
        let table = TableInput {
            folder: self.folder.clone(),
            run_id: Some(self.run_id.clone()),
            files: files.to_vec(),
        };
        let schema = table_schema(&planned.sink, &planned.schema);
        frame(&planned.state, &table, schema)
    }

    /// Some of its columns, each under the name that [`before`] gives, and [`IS_THERE`].
    pub fn beside(
        &self,
        columns: &[String],
        planned: &Planned,
    ) -> Result<DataFrame, DataFusionError> {
        let renamed = columns.iter().map(|name| ident(name).alias(before(name)));
        let marked: Vec<Expr> = renamed.chain([lit(true).alias(IS_THERE)]).collect();
        self.rows_of(&self.files, planned)?.select(marked)
    }
}

/// The name of a column of the table as it was, beside those of new rows.
pub fn before(column: &str) -> String {
    format!("{PREFIX}{column}")
}

/// The rows of a table, as columns of a schema.
pub fn frame(
    state: &SessionState,
    table: &TableInput,
    schema: SchemaRef,
) -> Result<DataFrame, DataFusionError> {
    let provider = table.table(schema).map_err(Error::into_datafusion)?;
    let scan = LogicalPlanBuilder::scan("table", provider_as_source(Arc::clone(&provider)), None)?;
    Ok(DataFrame::new(state.clone(), scan.build()?))
}
