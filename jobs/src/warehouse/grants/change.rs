//! The difference between what is and what is to be, as statements.

use std::collections::BTreeSet;
use std::fmt;

use super::rights::{Group, Groups, Privileges};
use crate::warehouse::dialect::quote;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether something is given; else it is taken away.
    pub gives: bool,
    pub sql: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.gives { '+' } else { '-' };
        write!(f, "{sign} {}", self.sql)
    }
}

/// What turns the groups that are into those that are wanted; groups that nobody wants stay.
pub fn between(existing: &Groups, wanted: &Groups) -> Vec<Change> {
    let mut changes = Changes::default();
    for (name, wanted) in wanted {
        match existing.get(name) {
            Some(existing) => changes.group(name, existing, wanted),
            None => {
                changes.give(format!("CREATE GROUP {}", quote(name)));
                changes.group(name, &Group::default(), wanted);
            }
        }
    }
    changes.0
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn give(&mut self, sql: String) {
        self.0.push(Change { gives: true, sql });
    }

    fn take(&mut self, sql: String) {
        self.0.push(Change { gives: false, sql });
    }

    fn group(&mut self, name: &str, existing: &Group, wanted: &Group) {
        if let Some(members) = &wanted.members {
            self.members(name, existing.members.as_ref(), members);
        }
        let none = Privileges::new();
        let objects: BTreeSet<_> = existing
            .privileges
            .keys()
            .chain(wanted.privileges.keys())
            .collect();
        for object in objects {
            let is = existing.privileges.get(object).unwrap_or(&none);
            let should = wanted.privileges.get(object).unwrap_or(&none);
            if let missing @ [_, ..] = &beyond(should, is)[..] {
                self.give(object.grant(missing, name));
            }
            if let surplus @ [_, ..] = &beyond(is, should)[..] {
                self.take(object.revoke(surplus, name));
            }
        }
    }

    fn members(
        &mut self,
        group: &str,
        existing: Option<&BTreeSet<String>>,
        wanted: &BTreeSet<String>,
    ) {
        let none = BTreeSet::new();
        let existing = existing.unwrap_or(&none);
        let group = quote(group);
        for user in wanted.difference(existing) {
            self.give(format!("ALTER GROUP {group} ADD USER {}", quote(user)));
        }
        for user in existing.difference(wanted) {
            self.take(format!("ALTER GROUP {group} DROP USER {}", quote(user)));
        }
    }
}

/// The privileges of the one that the other does not have, in the order in which people say them.
fn beyond<'a>(one: &'a Privileges, other: &'a Privileges) -> Vec<&'a str> {
    const ORDER: [&str; 5] = ["USAGE", "SELECT", "INSERT", "UPDATE", "DELETE"];
    let mut beyond: Vec<&str> = one.difference(other).map(String::as_str).collect();
    let position = |name: &str| ORDER.iter().position(|known| *known == name);
    beyond.sort_by_key(|name| position(name).unwrap_or(ORDER.len()));
    beyond
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::dialect::TableName;
    use crate::warehouse::grants::rights::Object;

    fn table(name: &str) -> Object {
        Object::Table(TableName {
            schema: "public".to_owned(),
            table: name.to_owned(),
        })
    }

    fn group(members: Option<&[&str]>, privileges: &[(Object, &[&str])]) -> Group {
        let mut group = Group {
            members: members.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            ..Group::default()
        };
        for (object, names) in privileges {
            for name in *names {
                group.add(object.clone(), name);
            }
        }
        group
    }

    fn told(existing: &[(&str, Group)], wanted: &[(&str, Group)]) -> Vec<String> {
        let groups = |named: &[(&str, Group)]| {
            let named = named.iter().cloned();
            named
                .map(|(name, group)| (name.to_owned(), group))
                .collect::<Groups>()
        };
        let changes = between(&groups(existing), &groups(wanted));
        changes.iter().map(Change::to_string).collect()
    }

    #[test]
    fn a_new_group_is_made_and_given_all() {
        let later = Object::Later {
            maker: "lou".to_owned(),
            schema: Some("public".to_owned()),
        };
        let wanted = group(
            Some(&["ana"]),
            &[
                (Object::Schema("public".to_owned()), &["USAGE"]),
                (table("titles"), &["DELETE", "INSERT", "SELECT", "UPDATE"]),
                (later, &["SELECT"]),
            ],
        );
        assert_eq!(
            told(&[], &[("analyst", wanted)]),
            [
                r#"+ CREATE GROUP "analyst""#,
                r#"+ ALTER GROUP "analyst" ADD USER "ana""#,
                r#"+ GRANT USAGE ON SCHEMA "public" TO GROUP "analyst""#,
                r#"+ GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."titles" TO GROUP "analyst""#,
                r#"+ ALTER DEFAULT PRIVILEGES FOR USER "lou" IN SCHEMA "public" GRANT SELECT ON TABLES TO GROUP "analyst""#,
            ]
        );
    }

    #[test]
    fn what_the_file_does_not_give_is_taken_away() {
        let everywhere = Object::Later {
            maker: "admin".to_owned(),
            schema: None,
        };
        let existing = group(
            Some(&["bob", "ana"]),
            &[
                (table("titles"), &["SELECT", "TRUNCATE", "INSERT"]),
                (everywhere, &["SELECT"]),
            ],
        );
        let wanted = group(Some(&["ana"]), &[(table("titles"), &["SELECT"])]);
        assert_eq!(
            told(&[("analyst", existing)], &[("analyst", wanted)]),
            [
                r#"- ALTER GROUP "analyst" DROP USER "bob""#,
                r#"- REVOKE INSERT, TRUNCATE ON TABLE "public"."titles" FROM GROUP "analyst""#,
                r#"- ALTER DEFAULT PRIVILEGES FOR USER "admin" REVOKE SELECT ON TABLES FROM GROUP "analyst""#,
            ]
        );
    }

    #[test]
    fn members_that_the_file_is_silent_about_and_other_groups_stay() {
        let existing = group(Some(&["ana"]), &[(table("titles"), &["SELECT"])]);
        let wanted = group(None, &[(table("titles"), &["SELECT"])]);
        let other = group(Some(&["eve"]), &[(table("secrets"), &["SELECT"])]);
        let differences = told(
            &[("analyst", existing), ("auditor", other)],
            &[("analyst", wanted)],
        );
        assert_eq!(differences, Vec::<String>::new());
    }
}
