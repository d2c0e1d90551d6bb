//! `[incremental]`: on which records of each input a row of the table depends, so that a run that
//! adds to the table need only read what changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InputDefinition, OutputDefinition};

/// How records of an input belong to rows of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Dependence {
    /// This column of a record holds the key of the only row that depends on it.
    Column(String),
    /// Rows depend on a record through a relation.
    Through {
        /// The record's column that the relation has too, under the same name.
        key: String,
        /// The relation.
        through: String,
        /// The relation's column that holds the key of a row.
        row: String,
    },
}

impl Dependence {
    /// The record's column.
    pub fn column(&self) -> &str {
        match self {
            Self::Column(column) => column,
            Self::Through { key, .. } => key,
        }
    }
}

/// The dependences of all inputs, by their names; none where a job declares none.
pub type Incremental = BTreeMap<String, Dependence>;

/// What of it can be seen to be wrong without looking at any data.
pub(super) fn check(
    incremental: &Incremental,
    inputs: &BTreeMap<String, InputDefinition>,
    outputs: &[OutputDefinition],
    is_relation: impl Fn(&str) -> bool,
) -> Result<(), String> {
    if incremental.is_empty() {
        return Ok(());
    }
    if !matches!(outputs, [only] if only.key.len() == 1) {
        return Err("incremental: the job needs one table with a key of one column".to_owned());
    }
    if let Some(unknown) = incremental.keys().find(|name| !inputs.contains_key(*name)) {
        return Err(format!("incremental.{unknown}: there is no such input"));
    }
    for (name, input) in inputs {
        let Some(dependence) = incremental.get(name) else {
            return Err(format!(
                "incremental: it does not tell how rows depend on the input `{name}`"
            ));
        };
        let column = dependence.column();
        if !input.names()?.iter().any(|known| known == column) {
            return Err(format!("incremental.{name}: it has no column `{column}`"));
        }
        if let Dependence::Through { through, .. } = dependence
            && !is_relation(through)
        {
            return Err(format!(
                "incremental.{name}.through: there is no {through}.sql"
            ));
        }
    }
    Ok(())
}
