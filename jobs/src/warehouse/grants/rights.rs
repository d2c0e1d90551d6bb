//! What a group is and may, whether it is so or is to be so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::warehouse::dialect::{TableName, quote};

/// Groups by name.
pub type Groups = BTreeMap<String, Group>;
/// What may be done, as `GRANT` spells it.
pub type Privileges = BTreeSet<String>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// `None` where they do not matter.
    pub members: Option<BTreeSet<String>>,
    pub privileges: BTreeMap<Object, Privileges>,
}

/// On what privileges are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    Schema(String),
    Table(TableName),
    /// Tables that a user will make, in one schema or in any.
    Later {
        maker: String,
        schema: Option<String>,
    },
}

impl Group {
    /// Adds a privilege to those on the object.
    pub fn add(&mut self, object: Object, privilege: &str) {
        let privileges = self.privileges.entry(object).or_default();
        privileges.insert(privilege.to_owned());
    }
}

impl Object {
    /// The statement that gives privileges on this to a group.
    pub fn grant(&self, privileges: &[&str], group: &str) -> String {
        self.statement("GRANT", privileges, "TO", group)
    }

    /// The statement that takes privileges on this from a group.
    pub fn revoke(&self, privileges: &[&str], group: &str) -> String {
        self.statement("REVOKE", privileges, "FROM", group)
    }

    fn statement(&self, verb: &str, privileges: &[&str], way: &str, group: &str) -> String {
        let privileges = privileges.join(", ");
        let group = quote(group);
        match self {
            Self::Schema(_) | Self::Table(_) => {
                format!("{verb} {privileges} ON {self} {way} GROUP {group}")
            }
            Self::Later { .. } => format!(
                "ALTER DEFAULT PRIVILEGES {self} {verb} {privileges} ON TABLES {way} GROUP {group}"
            ),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => write!(f, "SCHEMA {}", quote(schema)),
            Self::Table(table) => write!(f, "TABLE {}", table.sql()),
            Self::Later { maker, schema } => {
                write!(f, "FOR USER {}", quote(maker))?;
                match schema {
                    Some(schema) => write!(f, " IN SCHEMA {}", quote(schema)),
                    None => Ok(()),
                }
            }
        }
    }
}
