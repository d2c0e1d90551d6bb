//! What a job is: a folder with a `job.toml` and one `.sql` file per relation.

mod catalog;
mod checks;
mod definition;
mod expectations;
mod graph;
mod params;
mod scalar;
mod schema;

pub use catalog::{Catalog, NamedQuery};
pub use checks::Check;
pub(crate) use definition::position;
pub use definition::{
    ColumnDefinition, Format, InputDefinition, JobDefinition, LoadDefinition, OutputDefinition,
    Relation,
};
pub use expectations::{
    Expectation, Freshness, Range, References, Rows, Rule, Severity, is_not_null, quoted,
};
pub use graph::ordered_relations;
pub use params::{ParamDefinition, RUN_DATE, type_word};
pub use scalar::Scalar;
