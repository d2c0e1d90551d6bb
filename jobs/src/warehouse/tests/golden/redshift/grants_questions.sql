SELECT CURRENT_USER;

SELECT usename FROM pg_user;

SELECT nspname, HAS_SCHEMA_PRIVILEGE(nspname, 'CREATE')
FROM pg_namespace
WHERE nspname IN ('cinemill', 'marts', '');

SELECT table_schema, table_name, table_type <> 'VIEW'
FROM information_schema.tables
WHERE table_schema IN ('cinemill', 'marts', '') AND LEFT(table_name, 8) <> 'mv_tbl__';

SELECT groname FROM pg_group WHERE groname IN ('analyst', 'loader');

SELECT g.groname, u.usename, FALSE
FROM pg_group AS g
INNER JOIN pg_user AS u ON u.usesysid = ANY(g.grolist)
WHERE g.groname IN ('analyst', 'loader');

SELECT identity_name, namespace_name, privilege_type
FROM svv_schema_privileges
WHERE
    identity_type = 'group'
    AND identity_name IN ('analyst', 'loader')
    AND privilege_scope = 'SCHEMA';

SELECT identity_name, namespace_name, relation_name, privilege_type
FROM svv_relation_privileges
WHERE identity_type = 'group' AND identity_name IN ('analyst', 'loader');

SELECT PG_GET_USERBYID(d.defacluser), n.nspname, ARRAY_TO_STRING(d.defaclacl, ' + ')
FROM pg_default_acl AS d
LEFT JOIN pg_namespace AS n ON d.defaclnamespace = n.oid
WHERE d.defaclobjtype = 'r';
