//! What a job is: a folder with a `job.toml` and one `.sql` file per relation.

mod catalog;
mod definition;
mod graph;
mod input;
mod load;
mod output;
mod schema;

pub use catalog::{Catalog, NamedQuery};
pub(crate) use definition::position;
pub use definition::{Expectation, JobDefinition, Relation};
pub use graph::ordered_relations;
pub use input::{Format, InputDefinition};
pub use load::{ColumnDefinition, LoadDefinition};
pub use output::{OutputDefinition, WriteMode};
