//! How PostgreSQL is asked for grants: its catalogue, which every user may read.

use super::existing::Questions;

pub fn questions(groups: &str, schemas: &str) -> Questions {
    Questions {
        members: format!(
            "SELECT g.rolname, u.rolname, bool_and(m.admin_option)\n\
             FROM pg_auth_members AS m\n\
             INNER JOIN pg_roles AS g ON m.roleid = g.oid\n\
             INNER JOIN pg_roles AS u ON m.member = u.oid\n\
             WHERE g.rolname IN ({groups})\n\
             GROUP BY g.rolname, u.rolname"
        ),
        // Tables, with partitions and foreign ones, and views.
        tables: format!(
            "SELECT n.nspname, c.relname, TRUE\n\
             FROM pg_class AS c\n\
             INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid\n\
             WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p', 'f', 'v', 'm')"
        ),
        schema_privileges: format!(
            "SELECT g.rolname, n.nspname, a.privilege_type\n\
             FROM pg_namespace AS n\n\
             CROSS JOIN LATERAL aclexplode(n.nspacl) AS a\n\
             INNER JOIN pg_roles AS g ON a.grantee = g.oid\n\
             WHERE g.rolname IN ({groups}) AND n.nspowner <> g.oid"
        ),
        table_privileges: format!(
            "SELECT g.rolname, n.nspname, c.relname, a.privilege_type\n\
             FROM pg_class AS c\n\
             INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid\n\
             CROSS JOIN LATERAL aclexplode(c.relacl) AS a\n\
             INNER JOIN pg_roles AS g ON a.grantee = g.oid\n\
             WHERE\n    \
             g.rolname IN ({groups})\n    \
             AND c.relowner <> g.oid\n    \
             AND c.relkind IN ('r', 'p', 'f', 'v', 'm')"
        ),
        later_privileges: format!(
            "SELECT g.rolname, o.rolname, n.nspname, a.privilege_type\n\
             FROM pg_default_acl AS d\n\
             INNER JOIN pg_roles AS o ON d.defaclrole = o.oid\n\
             LEFT JOIN pg_namespace AS n ON d.defaclnamespace = n.oid\n\
             CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a\n\
             INNER JOIN pg_roles AS g ON a.grantee = g.oid\n\
             WHERE g.rolname IN ({groups}) AND d.defaclobjtype = 'r' AND o.oid <> g.oid"
        ),
    }
}
