-- What Redshift's databases have and PostgreSQL's have not.
SET allow_system_table_mods = on;

-- The whole second in which the statement began.
CREATE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE
    AS $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;

CREATE VIEW pg_catalog.svv_relation_privileges AS
    SELECT schemas.nspname::text AS namespace_name,
           tables.relname::text AS relation_name,
           grants.privilege_type,
           grants.grantee::integer AS identity_id,
           COALESCE(roles.rolname::text, 'public') AS identity_name,
           CASE WHEN grants.grantee = 0 THEN 'public'
                WHEN roles.rolcanlogin THEN 'user'
                ELSE 'group' END AS identity_type,
           grants.is_grantable AS admin_option
    FROM pg_class AS tables
    JOIN pg_namespace AS schemas ON schemas.oid = tables.relnamespace
    CROSS JOIN LATERAL aclexplode(tables.relacl) AS grants
    LEFT JOIN pg_roles AS roles ON roles.oid = grants.grantee
    WHERE tables.relkind IN ('r', 'v', 'm');
GRANT SELECT ON pg_catalog.svv_relation_privileges TO PUBLIC;

CREATE VIEW pg_catalog.svv_schema_privileges AS
    SELECT schemas.nspname::text AS namespace_name,
           grants.privilege_type,
           grants.grantee::integer AS identity_id,
           COALESCE(roles.rolname::text, 'public') AS identity_name,
           CASE WHEN grants.grantee = 0 THEN 'public'
                WHEN roles.rolcanlogin THEN 'user'
                ELSE 'group' END AS identity_type,
           grants.is_grantable AS admin_option,
           'SCHEMA' AS privilege_scope
    FROM pg_namespace AS schemas
    CROSS JOIN LATERAL aclexplode(schemas.nspacl) AS grants
    LEFT JOIN pg_roles AS roles ON roles.oid = grants.grantee;
GRANT SELECT ON pg_catalog.svv_schema_privileges TO PUBLIC;

-- Read in place of information_schema.columns: names of types that PostgreSQL lacks.
CREATE SCHEMA redshift_names;
CREATE VIEW redshift_names.columns AS
    SELECT table_catalog::text, table_schema::text, table_name::text, column_name::text,
           ordinal_position::integer, column_default::text, is_nullable::text,
           CASE data_type WHEN 'jsonb' THEN 'super'
                          WHEN 'bytea' THEN 'binary varying'
                          ELSE data_type END::text AS data_type,
           character_maximum_length::integer, numeric_precision::integer,
           numeric_scale::integer, datetime_precision::integer
    FROM information_schema.columns;
-- Read in place of pg_default_acl: groups are told from users.
CREATE VIEW redshift_names.pg_default_acl AS
    SELECT defaults.defaclrole AS defacluser,
           defaults.defaclnamespace,
           defaults.defaclobjtype,
           ARRAY(SELECT CASE WHEN roles.rolcanlogin IS FALSE THEN 'group ' ELSE '' END || item
                 FROM unnest(defaults.defaclacl::text[]) AS item
                 LEFT JOIN pg_roles AS roles
                     ON roles.rolname = split_part(item, '=', 1)) AS defaclacl
    FROM pg_catalog.pg_default_acl AS defaults;
GRANT USAGE ON SCHEMA redshift_names TO PUBLIC;
GRANT SELECT ON redshift_names.pg_default_acl TO PUBLIC;
GRANT SELECT ON redshift_names.columns TO PUBLIC;

-- As in Redshift, everybody may make tables in `public`.
GRANT CREATE ON SCHEMA public TO PUBLIC;
