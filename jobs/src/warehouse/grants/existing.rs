//! What the warehouse has: users, tables, and what the groups of a file are and may.

use std::collections::{BTreeMap, BTreeSet};

use cinemill_engine::error::{Error, Kind, Result};

use super::file::GrantsFile;
use super::rights::{Group, Groups, Object};
use super::{postgres, redshift};
use crate::warehouse::dialect::{Dialect, TableName};
use crate::warehouse::{Row, Warehouse};

/// Of groups and schemas, only those that the file names.
#[derive(Debug, Default)]
pub struct Existing {
    /// Who asks.
    pub user: String,
    pub users: BTreeSet<String>,
    /// And whether who asks may make tables in it.
    pub schemas: BTreeMap<String, bool>,
    /// The tables and views, and whether rows can be put into them.
    pub tables: BTreeMap<TableName, bool>,
    pub groups: Groups,
}

/// The questions that dialects ask differently, about groups and schemas in a list of literals.
pub struct Questions {
    /// group, user, whether that user manages the group
    pub members: String,
    /// schema, table, whether rows can be put into it
    pub tables: String,
    /// group, schema, privilege
    pub schema_privileges: String,
    /// group, schema, table, privilege
    pub table_privileges: String,
    /// group, who makes the tables, schema or null, privilege; of Redshift, who makes the tables,
    /// schema or null, and a list to be taken apart
    pub later_privileges: String,
}

/// # Errors
/// As [`Warehouse::query`].
pub async fn read(warehouse: &mut dyn Warehouse, file: &GrantsFile) -> Result<Existing> {
    let dialect = warehouse.dialect();
    let groups = list(dialect, file.groups.keys().map(String::as_str));
    // No schema has an empty name.
    let schemas = list(dialect, file.schemas().into_iter().chain([""]));
    let questions = match dialect {
        Dialect::Postgres => postgres::questions(&groups, &schemas),
        Dialect::Redshift => redshift::questions(&groups, &schemas),
    };
    let existing = Existing {
        user: names(warehouse, "SELECT CURRENT_USER").await?.concat(),
        users: set(names(warehouse, "SELECT usename FROM pg_user").await?),
        ..Existing::default()
    };
    let mut reading = Reading {
        warehouse,
        existing,
    };
    reading.schemas(&schemas).await?;
    reading.tables(&questions.tables).await?;
    reading.groups(&groups).await?;
    reading.members(&questions.members, file).await?;
    reading
        .schema_privileges(&questions.schema_privileges)
        .await?;
    reading
        .table_privileges(&questions.table_privileges)
        .await?;
    reading.later(&questions.later_privileges).await?;
    Ok(reading.existing)
}

struct Reading<'a> {
    warehouse: &'a mut dyn Warehouse,
    existing: Existing,
}

impl Reading<'_> {
    async fn schemas(&mut self, schemas: &str) -> Result<()> {
        let sql = format!(
            "SELECT nspname, HAS_SCHEMA_PRIVILEGE(nspname, 'CREATE')\n\
             FROM pg_namespace\n\
             WHERE nspname IN ({schemas})"
        );
        for row in self.warehouse.query(&sql).await? {
            let [schema, may_create] = fields(row)?;
            self.existing.schemas.insert(schema, is_true(&may_create));
        }
        Ok(())
    }

    async fn tables(&mut self, sql: &str) -> Result<()> {
        for row in self.warehouse.query(sql).await? {
            let [schema, table, is_writable] = fields(row)?;
            let table = TableName { schema, table };
            self.existing.tables.insert(table, is_true(&is_writable));
        }
        Ok(())
    }

    async fn groups(&mut self, groups: &str) -> Result<()> {
        let sql = format!("SELECT groname FROM pg_group WHERE groname IN ({groups})");
        for name in names(self.warehouse, &sql).await? {
            let group = Group {
                members: Some(BTreeSet::new()),
                ..Group::default()
            };
            self.existing.groups.insert(name, group);
        }
        Ok(())
    }

    /// Who manages a group without being named for it is left alone: PostgreSQL notes whoever made
    /// a group that way.
    async fn members(&mut self, sql: &str, file: &GrantsFile) -> Result<()> {
        for row in self.warehouse.query(sql).await? {
            let [name, user, manages] = fields(row)?;
            let named = file
                .groups
                .get(&name)
                .and_then(|group| group.members.as_ref());
            let is_named = named.is_some_and(|members| members.contains(&user));
            if is_true(&manages) && !is_named {
                continue;
            }
            let group = self.existing.groups.entry(name).or_default();
            group.members.get_or_insert_default().insert(user);
        }
        Ok(())
    }

    async fn schema_privileges(&mut self, sql: &str) -> Result<()> {
        for row in self.warehouse.query(sql).await? {
            let [group, schema, privilege] = fields(row)?;
            self.add(group, Object::Schema(schema), &privilege);
        }
        Ok(())
    }

    async fn table_privileges(&mut self, sql: &str) -> Result<()> {
        for row in self.warehouse.query(sql).await? {
            let [group, schema, table, privilege] = fields(row)?;
            let table = TableName { schema, table };
            self.add(group, Object::Table(table), &privilege);
        }
        Ok(())
    }

    async fn later(&mut self, sql: &str) -> Result<()> {
        let rows = self.warehouse.query(sql).await?;
        let rows = match self.warehouse.dialect() {
            Dialect::Postgres => rows,
            Dialect::Redshift => redshift::later_privileges(&rows),
        };
        for row in rows {
            let [group, maker, schema, privilege] = fields(row)?;
            let schema = (!schema.is_empty()).then_some(schema);
            self.add(group, Object::Later { maker, schema }, &privilege);
        }
        Ok(())
    }

    fn add(&mut self, group: String, object: Object, privilege: &str) {
        let group = self.existing.groups.entry(group).or_default();
        group.add(object, &privilege.to_ascii_uppercase());
    }
}

/// Names as literals with commas between them.
fn list<'a>(dialect: Dialect, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| dialect.string(name)).collect();
    names.join(", ")
}

/// The first column of an answer.
async fn names(warehouse: &mut dyn Warehouse, sql: &str) -> Result<Vec<String>> {
    let rows = warehouse.query(sql).await?;
    rows.into_iter()
        .map(|row| fields(row).map(|[name]| name))
        .collect()
}

fn set(names: Vec<String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

/// The columns of a row; null is an empty text.
fn fields<const COUNT: usize>(row: Row) -> Result<[String; COUNT]> {
    let fields: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    fields.try_into().map_err(|fields| {
        let cause = format!("an answer cannot be understood: {fields:?}");
        Error::new(Kind::Final, "read", "the grants", cause)
    })
}

fn is_true(text: &str) -> bool {
    text.starts_with('t')
}
