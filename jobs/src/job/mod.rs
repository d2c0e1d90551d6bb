//! What a job is: a folder with a `job.toml` and one `.sql` file per relation.

mod catalog;
mod checks;
mod definition;
mod expectations;
mod graph;
mod incremental;
mod input;
mod load;
mod output;
mod params;
mod scalar;
mod schema;

pub use catalog::{CaseFiles, Catalog, NamedQuery};
pub use checks::Check;
pub(crate) use definition::position;
pub use definition::{JobDefinition, Relation};
pub use expectations::{
    Expectation, Freshness, Range, References, Rows, Rule, Severity, is_not_null, quoted,
};
pub use graph::ordered_relations;
pub use incremental::{Dependence, Incremental};
pub use input::{Format, InputDefinition};
pub use load::{ColumnDefinition, LoadDefinition};
pub use output::{OutputDefinition, WriteMode};
pub use params::{ParamDefinition, RUN_DATE, type_word};
pub use scalar::Scalar;
