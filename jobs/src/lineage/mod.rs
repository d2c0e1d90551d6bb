//! Which columns a column is made of: from a job's plans, without data.
//!
//! Each relation is planned over empty tables with the columns of what it reads, so its plan shows
//! one step: its own columns, and those of the inputs and relations in its `FROM`. [`Lineage`] puts
//! the steps together.

mod expressions;
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session::{self, SessionOptions};
use cinemill_engine::sink::table::Manifest;
use cinemill_engine::sink::writer::stored_schema;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;

use crate::job::{JobDefinition, ordered_relations};

/// A column of an input or of a relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnRef {
    pub table: String,
    pub column: String,
}

/// An input, or a relation with what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLineage {
    pub name: String,
    pub is_input: bool,
    pub columns: Vec<ColumnLineage>,
    /// The columns that decide which rows there are: those of conditions, of joins, of groups.
    pub rows_from: BTreeSet<ColumnRef>,
}

/// A column with the columns, one step before it, that its values are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLineage {
    pub name: String,
    /// In Spark's words.
    pub kind: String,
    pub from: BTreeSet<ColumnRef>,
}

/// The lineage of a job: its inputs, then the relations that its outputs need, each after those
/// that it reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    pub tables: Vec<TableLineage>,
}

impl Lineage {
    /// Plans the job against the columns that it declares.
    ///
    /// # Errors
    /// `Definition` where its SQL does not fit them.
    pub async fn of(job: &JobDefinition) -> Result<Self> {
        let context = session()?;
        let mut lineage = Self::default();
        for (name, schema) in inputs(job)? {
            register(&context, &name, schema.clone())?;
            let columns = Manifest::columns_of(&schema).into_iter();
            lineage.tables.push(TableLineage {
                name,
                is_input: true,
                columns: columns
                    .map(|(name, kind)| ColumnLineage {
                        name,
                        kind,
                        from: BTreeSet::new(),
                    })
                    .collect(),
                rows_from: BTreeSet::new(),
            });
        }
        for (name, query) in ordered_relations(job)? {
            // Which values they have makes no difference to where columns come from.
            let query = query.bind(&job.sample_params())?;
            let plan = query.plan(&context.state()).await?;
            let schema = Arc::new(plan.schema().as_arrow().clone());
            let traced = trace::plan(&plan);
            lineage.push_relation(&name, &schema, traced);
            register(&context, &name, schema)?;
        }
        Ok(lineage)
    }

    fn push_relation(&mut self, name: &str, schema: &Schema, traced: trace::Traced) {
        let types = Manifest::columns_of(&stored_schema(schema.fields()));
        let columns = types.into_iter().zip(traced.columns);
        let columns = columns.map(|((name, kind), from)| ColumnLineage {
            name,
            kind,
            from: self.known(from),
        });
        let columns = columns.collect();
        let rows_from = self.known(traced.rows);
        self.tables.push(TableLineage {
            name: name.to_owned(),
            is_input: false,
            columns,
            rows_from,
        });
    }

    /// Drops what is no table of the job, such as the name of a recursive query.
    fn known(&self, columns: BTreeSet<ColumnRef>) -> BTreeSet<ColumnRef> {
        let is_known = |column: &ColumnRef| self.table(&column.table).is_some();
        columns.into_iter().filter(is_known).collect()
    }

    pub fn table(&self, name: &str) -> Option<&TableLineage> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The columns of inputs that a column is made of, through all relations in between.
    pub fn origins(&self, column: &ColumnRef) -> BTreeSet<ColumnRef> {
        let mut open = vec![column.clone()];
        let mut seen = BTreeSet::new();
        let mut origins = BTreeSet::new();
        while let Some(column) = open.pop() {
            let Some(table) = self.table(&column.table) else {
                continue;
            };
            if !seen.insert(column.clone()) {
                continue;
            }
            if table.is_input {
                origins.insert(column);
                continue;
            }
            let found = table.columns.iter().find(|own| own.name == column.column);
            open.extend(found.into_iter().flat_map(|own| own.from.iter().cloned()));
        }
        origins
    }

    /// How far each table is from the inputs: 0 for an input, else one more than the farthest that
    /// it reads.
    pub fn depths(&self) -> BTreeMap<&str, usize> {
        let mut depths = BTreeMap::new();
        for table in &self.tables {
            let used = table.columns.iter().flat_map(|column| &column.from);
            let used = used.chain(&table.rows_from);
            let before = used.filter_map(|column| depths.get(column.table.as_str()).copied());
            let depth = match table.is_input {
                true => 0,
                false => before.max().unwrap_or(0) + 1,
            };
            depths.insert(table.name.as_str(), depth);
        }
        depths
    }
}

fn session() -> Result<SessionContext> {
    let options = SessionOptions {
        partitions: 1,
        distributed: false,
        scarce_memory: false,
        memory_bytes: None,
        spill_folder: None,
    };
    let state = session::state(&options)
        .map_err(|cause| Error::from_datafusion(&cause, "begin", "a session"))?;
    Ok(SessionContext::new_with_state(state))
}

/// The inputs with the columns that `job.toml` declares.
fn inputs(job: &JobDefinition) -> Result<Vec<(String, SchemaRef)>> {
    let mut inputs = Vec::new();
    for (name, input) in &job.inputs {
        let schema = input
            .table_schema()
            .map_err(|cause| Error::new(Kind::Definition, "read input", name, cause))?;
        inputs.push((name.clone(), schema));
    }
    Ok(inputs)
}

fn register(context: &SessionContext, name: &str, schema: SchemaRef) -> Result<()> {
    context
        .register_table(
            TableReference::bare(name),
            Arc::new(EmptyTable::new(schema)),
        )
        .map_err(|cause| Error::from_datafusion(&cause, "plan relation", name))?;
    Ok(())
}

#[cfg(test)]
mod tests;
