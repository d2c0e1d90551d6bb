//! What becomes of the rows that a table has.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They go; the table has the snapshot's rows alone.
    Replace,
    /// They stay; the snapshot's rows are added, and none may have a key that is there.
    Append,
    /// They stay, but for those whose key the snapshot has: these are replaced.
    Merge,
    /// They stay; rows of the snapshot whose key is not there are added.
    AppendNew,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Merge => "merge",
            Self::AppendNew => "append_new",
        }
    }

    pub fn needs_key(self) -> bool {
        matches!(self, Self::Merge | Self::AppendNew)
    }

    /// Whether rows are brought into a table of their own first.
    pub fn is_staged(self) -> bool {
        self != Self::Replace
    }
}
