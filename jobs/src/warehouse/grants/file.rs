//! The file that says who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use serde::Deserialize;

use crate::job::position;
use crate::warehouse::dialect::{TableName, is_name};

/// What groups are to be and to have; nothing that it holds can end a name in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantsFile {
    pub groups: BTreeMap<String, GroupDefinition>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupDefinition {
    /// Users; who is in the group does not matter where not given.
    pub members: Option<BTreeSet<String>>,
    pub read: Vec<Tables>,
    pub write: Vec<Tables>,
}

/// A table, or all tables of a schema, those to come included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Tables {
    One(TableName),
    All { schema: String },
}

impl TryFrom<String> for Tables {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_suffix(".*") {
            Some(schema) if is_name(schema) => Ok(Self::All {
                schema: schema.to_owned(),
            }),
            Some(_) => Err(format!("`{text}` is no `schema.*`")),
            None => TableName::parse(&text)
                .map(Self::One)
                .map_err(|error| format!("`{text}`: {}", error.cause)),
        }
    }
}

impl Tables {
    pub fn schema(&self) -> &str {
        match self {
            Self::One(table) => &table.schema,
            Self::All { schema } => schema,
        }
    }
}

impl GrantsFile {
    /// # Errors
    /// `Usage` where the file cannot be read, `Definition` where it is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::new(Kind::Usage, "read grants", &place, cause))?;
        Self::parse(&text)
            .map_err(|cause| Error::new(Kind::Definition, "read grants", place, cause))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|cause| {
            let place = cause.span().map(|span| position(text, span.start));
            format!(
                "{}{}",
                place.map_or_else(String::new, told),
                cause.message()
            )
        })?;
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        if self.groups.is_empty() {
            return Err("it names no group".to_owned());
        }
        for (name, group) in &self.groups {
            if !is_name(name) {
                return Err(format!(
                    "group `{name}`: a group's name holds letters, digits and `_`"
                ));
            }
            if is_reserved(name) {
                return Err(format!(
                    "group `{name}`: the warehouse keeps that name for itself"
                ));
            }
            for user in group.members.iter().flatten() {
                if !is_user_name(user) {
                    return Err(format!("group `{name}`: `{user}` is no name of a user"));
                }
            }
        }
        Ok(())
    }

    /// All schemas of which tables are named.
    pub fn schemas(&self) -> BTreeSet<&str> {
        let groups = self.groups.values();
        groups
            .flat_map(|group| group.read.iter().chain(&group.write))
            .map(Tables::schema)
            .collect()
    }
}

/// `:line:column` as the beginning of a sentence.
fn told(position: String) -> String {
    format!("{}: ", position.trim_start_matches(':'))
}

/// Names that stand for something else than a group, quoted or not.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "public" || name == "none" || name.starts_with("pg_")
}

/// Redshift's users may be `IAM:name@example.com` or `IAMR:role-name`.
fn is_user_name(name: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_-.:@".contains(c);
    !name.is_empty() && name.chars().all(is_known)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn groups_members_and_tables_are_read() {
        let file = GrantsFile::parse(
            "[groups.analyst]\nmembers = [\"ana\", \"IAMR:etl-role\"]\n\
             read = [\"titles\", \"marts.years\"]\n[groups.loader]\nwrite = [\"public.*\"]\n",
        )
        .unwrap();
        let analyst = &file.groups["analyst"];
        assert_eq!(analyst.members.as_ref().unwrap().len(), 2);
        let titles = TableName::parse("public.titles").unwrap();
        assert_eq!(analyst.read[0], Tables::One(titles));
        let loader = &file.groups["loader"];
        assert_eq!(loader.members, None);
        assert_eq!(loader.write[0].schema(), "public");
        assert_eq!(file.schemas(), ["marts", "public"].into());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, word) in [
            ("", "groups"),
            ("[groups]\n", "no group"),
            ("[groups.\"a; DROP TABLE x\"]\n", "letters, digits"),
            ("[groups.public]\n", "for itself"),
            ("[groups.PG_monitor]\n", "for itself"),
            (
                "[groups.a]\nmembers = [\"x\\\" ; --\"]\n",
                "no name of a user",
            ),
            ("[groups.a]\nread = [\"t; DROP TABLE x\"]\n", "2:8: "),
            ("[groups.a]\nread = [\"a.b.c\"]\n", "schema.name"),
            ("[groups.a]\nread = [\"a'.*\"]\n", "schema.*"),
            ("[groups.a]\nreads = []\n", "reads"),
        ] {
            let cause = GrantsFile::parse(text).unwrap_err();
            assert!(cause.contains(word), "{text}: {cause}");
        }
    }

    #[test]
    fn the_example_is_well_formed() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/grants.toml");
        let file = GrantsFile::read(&example).unwrap();
        let groups: Vec<&str> = file.groups.keys().map(String::as_str).collect();
        assert_eq!(groups, ["analyst", "engineer", "loader"]);
    }
}
