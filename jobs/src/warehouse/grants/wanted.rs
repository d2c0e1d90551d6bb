//! What the file asks for, spelled out for the tables that there are.

use std::collections::BTreeSet;

use cinemill_engine::error::{Error, Kind, Result};

use super::existing::Existing;
use super::file::{GrantsFile, GroupDefinition, Tables};
use super::rights::{Group, Groups, Object};
use crate::warehouse::dialect::{Dialect, TableName};

/// All groups of the file.
///
/// # Errors
/// `Load` where a schema, table or user does not exist, or where a group is a user.
pub fn of(dialect: Dialect, file: &GrantsFile, existing: &Existing) -> Result<Groups> {
    let mut groups = Groups::new();
    for (name, definition) in &file.groups {
        // PostgreSQL has one kind of role for both; Redshift keeps their names apart.
        if dialect == Dialect::Postgres && existing.users.contains(name) {
            return Err(absent("group", name, "it is a user, who may connect"));
        }
        check_members(definition, existing)?;
        let mut wanted = Wanted {
            name,
            file,
            existing,
            group: Group {
                members: definition.members.clone(),
                ..Group::default()
            },
        };
        for tables in &definition.read {
            wanted.add(tables, Access::Read)?;
        }
        for tables in &definition.write {
            wanted.add(tables, Access::Write)?;
        }
        groups.insert(name.clone(), wanted.group);
    }
    Ok(groups)
}

fn check_members(definition: &GroupDefinition, existing: &Existing) -> Result<()> {
    let members = definition.members.iter().flatten();
    match members
        .into_iter()
        .find(|user| !existing.users.contains(*user))
    {
        None => Ok(()),
        Some(user) => Err(absent("user", user, "there is no such user")
            .hint("CREATE USER makes it; passwords are no matter of this file")),
    }
}

fn absent(what: &str, name: impl std::fmt::Display, cause: &str) -> Error {
    let cause = format!("{cause}; nothing was sent");
    Error::new(Kind::Load, &format!("find {what}"), name, cause)
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

impl Access {
    fn of_tables(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["SELECT"],
            Self::Write => &["SELECT", "INSERT", "UPDATE", "DELETE"],
        }
    }
}

struct Wanted<'a> {
    name: &'a str,
    file: &'a GrantsFile,
    existing: &'a Existing,
    group: Group,
}

impl Wanted<'_> {
    fn add(&mut self, tables: &Tables, access: Access) -> Result<()> {
        let existing = self.existing;
        let schema = tables.schema();
        if !existing.schemas.contains_key(schema) {
            return Err(absent("schema", schema, "there is no such schema")
                .hint("the first `cinemill load` makes the schema cinemill"));
        }
        self.give(&Object::Schema(schema.to_owned()), &["USAGE"]);
        match tables {
            Tables::One(table) => match existing.tables.get(table) {
                Some(is_writable) => self.table(table, *is_writable, access),
                None => {
                    let cause = "there is no such table, or this user may not see it";
                    return Err(absent("table", table, cause));
                }
            },
            Tables::All { schema } => {
                for (table, is_writable) in &existing.tables {
                    if table.schema == *schema {
                        self.table(table, *is_writable, access);
                    }
                }
                self.later(schema, access);
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &TableName, is_writable: bool, access: Access) {
        let access = if is_writable { access } else { Access::Read };
        self.give(&Object::Table(table.clone()), access.of_tables());
    }

    /// Tables to come.
    fn later(&mut self, schema: &str, access: Access) {
        if let Access::Write = access {
            self.give(&Object::Schema(schema.to_owned()), &["CREATE"]);
        }
        for maker in self.makers(schema) {
            let schema = Some(schema.to_owned());
            self.give(&Object::Later { maker, schema }, access.of_tables());
        }
    }

    /// Who makes tables in the schema: members who write to it, who asks, and, so that two who ask
    /// in turn do not undo each other's work, those of whom it is noted already.
    fn makers(&self, schema: &str) -> BTreeSet<String> {
        let mut makers = self.writers(schema);
        if self.existing.schemas.get(schema) == Some(&true) {
            makers.insert(self.existing.user.clone());
        }
        let existing = self.existing.groups.get(self.name);
        for object in existing
            .into_iter()
            .flat_map(|group| group.privileges.keys())
        {
            match object {
                Object::Later {
                    maker,
                    schema: Some(of),
                } if of == schema => {
                    makers.insert(maker.clone());
                }
                _ => {}
            }
        }
        makers
    }

    /// The members of all groups that may write to the whole schema.
    fn writers(&self, schema: &str) -> BTreeSet<String> {
        let all = Tables::All {
            schema: schema.to_owned(),
        };
        let groups = self.file.groups.iter();
        let groups = groups.filter(|(_, group)| group.write.contains(&all));
        let members = groups.flat_map(|(name, group)| {
            let existing = self.existing.groups.get(name);
            let existing = existing.and_then(|group| group.members.as_ref());
            group.members.as_ref().or(existing).into_iter().flatten()
        });
        members.cloned().collect()
    }

    fn give(&mut self, object: &Object, privileges: &[&str]) {
        for privilege in privileges {
            self.group.add(object.clone(), privilege);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn existing() -> Existing {
        let table = |name: &str| TableName::parse(name).unwrap();
        Existing {
            user: "admin".to_owned(),
            users: ["admin", "ana", "lou"].map(str::to_owned).into(),
            schemas: ["public", "cinemill"]
                .map(|schema| (schema.to_owned(), true))
                .into(),
            tables: [
                (table("public.titles"), true),
                (table("cinemill.freshness"), false),
            ]
            .into(),
            groups: Groups::new(),
        }
    }

    fn wanted(toml: &str) -> Result<Vec<String>> {
        wanted_of(toml, &existing())
    }

    fn wanted_of(toml: &str, existing: &Existing) -> Result<Vec<String>> {
        let file: GrantsFile = toml::from_str(toml).unwrap();
        let groups = of(Dialect::Postgres, &file, existing)?;
        let lines = groups.iter().flat_map(|(name, group)| {
            let privileges = group.privileges.iter();
            privileges.map(move |(object, privileges)| {
                let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
                format!("{name}: {} on {object}", privileges.join(" "))
            })
        });
        Ok(lines.collect())
    }

    #[test]
    fn a_schema_stands_for_its_tables_and_those_that_writers_will_make() {
        let lines = wanted(
            "[groups.engineer]\nread = [\"public.*\"]\n\
             [groups.loader]\nmembers = [\"lou\"]\nwrite = [\"public.*\", \"cinemill.freshness\"]\n",
        );
        assert_eq!(
            lines.unwrap(),
            [
                r#"engineer: USAGE on SCHEMA "public""#,
                r#"engineer: SELECT on TABLE "public"."titles""#,
                r#"engineer: SELECT on FOR USER "admin" IN SCHEMA "public""#,
                r#"engineer: SELECT on FOR USER "lou" IN SCHEMA "public""#,
                r#"loader: USAGE on SCHEMA "cinemill""#,
                r#"loader: CREATE USAGE on SCHEMA "public""#,
                r#"loader: SELECT on TABLE "cinemill"."freshness""#,
                r#"loader: DELETE INSERT SELECT UPDATE on TABLE "public"."titles""#,
                r#"loader: DELETE INSERT SELECT UPDATE on FOR USER "admin" IN SCHEMA "public""#,
                r#"loader: DELETE INSERT SELECT UPDATE on FOR USER "lou" IN SCHEMA "public""#,
            ]
        );
    }

    #[test]
    fn whoever_makes_no_tables_changes_nothing_for_those_who_do() {
        let mut existing = existing();
        existing.user = "ana".to_owned();
        existing.schemas.insert("public".to_owned(), false);
        let mut engineer = Group::default();
        let schema = Some("public".to_owned());
        let maker = "admin".to_owned();
        engineer.add(Object::Later { maker, schema }, "SELECT");
        existing.groups.insert("engineer".to_owned(), engineer);
        let lines = wanted_of("[groups.engineer]\nread = [\"public.*\"]\n", &existing);
        assert_eq!(
            lines.unwrap().last().unwrap(),
            r#"engineer: SELECT on FOR USER "admin" IN SCHEMA "public""#
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (toml, words) in [
            (
                "[groups.a]\nread = [\"public.films\"]\n",
                "failed to find table public.films",
            ),
            (
                "[groups.a]\nread = [\"marts.*\"]\n",
                "failed to find schema marts",
            ),
            (
                "[groups.a]\nmembers = [\"ana\", \"bob\"]\n",
                "failed to find user bob",
            ),
            ("[groups.ana]\n", "failed to find group ana"),
        ] {
            let error = wanted(toml).unwrap_err();
            assert_eq!(error.kind, Kind::Load);
            assert!(error.to_string().starts_with(words), "{error}");
        }
    }
}
