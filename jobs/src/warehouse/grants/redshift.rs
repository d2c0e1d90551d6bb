//! How Redshift is asked for grants: its system views, which show all of it to superusers only.

use super::existing::Questions;
use crate::warehouse::Row;

/// <https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_RELATION_PRIVILEGES.html>
/// <https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_SCHEMA_PRIVILEGES.html>
/// <https://docs.aws.amazon.com/redshift/latest/dg/r_PG_DEFAULT_ACL.html>
pub fn questions(groups: &str, schemas: &str) -> Questions {
    Questions {
        members: format!(
            "SELECT g.groname, u.usename, FALSE\n\
             FROM pg_group AS g\n\
             INNER JOIN pg_user AS u ON u.usesysid = ANY(g.grolist)\n\
             WHERE g.groname IN ({groups})"
        ),
        // The tables behind materialised views are nobody's business.
        tables: format!(
            "SELECT table_schema, table_name, table_type <> 'VIEW'\n\
             FROM information_schema.tables\n\
             WHERE table_schema IN ({schemas}) AND LEFT(table_name, 8) <> 'mv_tbl__'"
        ),
        schema_privileges: format!(
            "SELECT identity_name, namespace_name, privilege_type\n\
             FROM svv_schema_privileges\n\
             WHERE\n    \
             identity_type = 'group'\n    \
             AND identity_name IN ({groups})\n    \
             AND privilege_scope = 'SCHEMA'"
        ),
        table_privileges: format!(
            "SELECT identity_name, namespace_name, relation_name, privilege_type\n\
             FROM svv_relation_privileges\n\
             WHERE identity_type = 'group' AND identity_name IN ({groups})"
        ),
        // The view of default privileges is not documented to show those of groups.
        later_privileges: "SELECT PG_GET_USERBYID(d.defacluser), n.nspname, \
                           ARRAY_TO_STRING(d.defaclacl, ' + ')\n\
                           FROM pg_default_acl AS d\n\
                           LEFT JOIN pg_namespace AS n ON d.defaclnamespace = n.oid\n\
                           WHERE d.defaclobjtype = 'r'"
            .to_owned(),
    }
}

/// Takes lists of default privileges apart: a row for each group and privilege.
pub fn later_privileges(rows: &[Row]) -> Vec<Row> {
    let mut apart = Vec::new();
    for row in rows {
        let [maker, schema, Some(list)] = row.as_slice() else {
            continue;
        };
        for (group, privilege) in privileges(list) {
            apart.push(vec![
                Some(group.to_owned()),
                maker.clone(),
                schema.clone(),
                Some(privilege.to_owned()),
            ]);
        }
    }
    apart
}

/// Reads `group analyst=rw/admin + ana=r/admin`, of which only groups count.
fn privileges(list: &str) -> impl Iterator<Item = (&str, &'static str)> {
    let groups = list.split(" + ").filter_map(|item| {
        let (group, rest) = item.strip_prefix("group ")?.split_once('=')?;
        Some((group, rest.split('/').next().unwrap_or_default()))
    });
    groups.flat_map(|(group, letters)| {
        let privileges = letters.chars().filter_map(privilege);
        privileges.map(move |privilege| (group, privilege))
    })
}

fn privilege(letter: char) -> Option<&'static str> {
    Some(match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'x' => "REFERENCES",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_privileges_of_groups_are_taken_apart() {
        let list = "ana=r*a*/admin + group analyst=r/admin + group loader=aw*/admin + =r/admin";
        let found: Vec<_> = privileges(list).collect();
        assert_eq!(
            found,
            [
                ("analyst", "SELECT"),
                ("loader", "INSERT"),
                ("loader", "UPDATE")
            ]
        );
    }
}
