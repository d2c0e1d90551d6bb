//! What a job is: a folder with a `job.toml` and one `.sql` file per relation.

mod catalog;
mod definition;
mod graph;
mod schema;

pub use catalog::{Catalog, NamedQuery};
pub(crate) use definition::position;
pub use definition::{
    ColumnDefinition, Expectation, Format, InputDefinition, JobDefinition, LoadDefinition,
    OutputDefinition, Relation,
};
pub use graph::ordered_relations;
