//! `cinemill grants`: groups may what the file says, and no more.

use std::path::Path;

use cinemill_tests::postgres::ADMIN;
use cinemill_tests::processes::{assert_code, text};
use tempfile::TempDir;

use crate::films::ROWS;
use crate::lake::Lake;
use crate::site::Site;

const GRANTS: &str = r#"
[groups.analyst]
members = ["ana"]
read = ["imdb_titles", "cinemill.freshness"]

[groups.engineer]
members = ["eve"]
read = ["public.*", "cinemill.*"]

[groups.loader]
members = ["lou"]
write = ["public.*", "cinemill.*"]
"#;

const READ: &str = "SELECT * FROM imdb_titles LIMIT 1";
const WRITES: [&str; 3] = [
    "DELETE FROM imdb_titles",
    "INSERT INTO imdb_titles SELECT * FROM imdb_titles LIMIT 0",
    "UPDATE imdb_titles SET num_votes = 0",
];

fn lake() -> Lake {
    let lake = Lake::with_titles(200, |_: &Path| {});
    for user in ["ana", "eve", "lou", "bob"] {
        lake.postgres.create_user(user).unwrap();
    }
    lake
}

#[test]
fn each_group_may_what_the_file_says() {
    let lake = lake();
    for user in ["ana", "eve", "lou"] {
        assert!(!lake.may(user, READ), "{user}");
    }
    let shown = lake.grants(ADMIN, "diff", GRANTS, &[]);
    assert_code(&shown, 0, &["+ CREATE GROUP \"analyst\""]);
    let checked = lake.grants(ADMIN, "diff", GRANTS, &["--check"]);
    assert_code(&checked, 40, &["the warehouse differs in", "grants apply"]);
    assert!(!lake.may("ana", READ), "diff changes nothing");

    let applied = lake.grants(ADMIN, "apply", GRANTS, &[]);
    assert_code(&applied, 0, &[]);
    assert_eq!(applied.stdout, shown.stdout);
    let again = lake.grants(ADMIN, "apply", GRANTS, &[]);
    assert_code(&again, 0, &["nothing to do"]);
    assert_code(
        &lake.grants(ADMIN, "diff", GRANTS, &["--check"]),
        0,
        &["no differences"],
    );
    // Somebody who makes no tables sees the same.
    assert_code(
        &lake.grants("bob", "diff", GRANTS, &["--check"]),
        0,
        &["no differences"],
    );

    for user in ["ana", "eve", "lou"] {
        assert!(lake.may(user, READ), "{user}");
        assert!(lake.may(user, "SELECT * FROM cinemill.freshness"), "{user}");
        for write in WRITES {
            assert_eq!(lake.may(user, write), user == "lou", "{user}: {write}");
        }
        let make = "CREATE TABLE films (title text)";
        assert_eq!(lake.may(user, make), user == "lou", "{user}: {make}");
    }
    assert!(!lake.may("ana", "SELECT * FROM cinemill.loads"));
    assert!(lake.may("eve", "SELECT * FROM cinemill.loads"));
    assert!(!lake.may("bob", READ));
}

#[test]
fn a_loader_loads_as_itself_and_readers_see_its_new_tables() {
    let lake = lake();
    let refused = lake.load("lou", &["--force"]);
    assert_code(&refused, 21, &["may neither read nor write"]);
    assert_code(&lake.grants(ADMIN, "apply", GRANTS, &[]), 0, &[]);

    for mode in ["replace", "merge", "append_new"] {
        assert_code(
            &lake.load("lou", &["--force", "--mode", mode]),
            0,
            &["200 rows"],
        );
    }
    let flags = ["--create", "--table", "public.later"];
    assert_code(&lake.load("lou", &flags), 0, &["200 rows"]);
    lake.postgres
        .execute_batch("CREATE TABLE public.latest (title text)")
        .unwrap();
    for table in ["later", "latest"] {
        let read = format!("SELECT * FROM {table} LIMIT 1");
        assert!(lake.may("eve", &read), "{table}");
        assert!(!lake.may("ana", &read), "{table}");
    }
    assert_code(&lake.grants(ADMIN, "diff", GRANTS, &["--check"]), 0, &[]);
}

#[test]
fn what_the_file_no_longer_gives_is_revoked() {
    let lake = lake();
    assert_code(&lake.grants(ADMIN, "apply", GRANTS, &[]), 0, &[]);
    lake.postgres
        .execute_batch(
            "CREATE GROUP auditor; GRANT SELECT ON imdb_titles TO auditor, bob, analyst;
             GRANT TRUNCATE ON imdb_titles TO analyst; ALTER GROUP analyst ADD USER bob;
             ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO analyst",
        )
        .unwrap();
    let told = [
        "- ALTER GROUP \"analyst\" DROP USER \"bob\"",
        "- REVOKE TRUNCATE ON TABLE \"public\".\"imdb_titles\" FROM GROUP \"analyst\"",
        "- ALTER DEFAULT PRIVILEGES FOR USER \"admin\" REVOKE SELECT ON TABLES FROM GROUP",
    ];
    let shown = lake.grants(ADMIN, "diff", GRANTS, &[]);
    assert_code(&shown, 0, &told);
    assert_eq!(shown.stdout.lines().count(), told.len(), "{}", shown.stdout);

    let less = GRANTS.replace(r#"["public.*", "cinemill.*"]"#, r#"["cinemill.*"]"#);
    assert_code(&lake.grants(ADMIN, "apply", &less, &[]), 0, &told);
    assert!(lake.may("ana", READ));
    assert!(!lake.may("eve", READ));
    assert!(!lake.may("lou", READ));
    assert!(lake.may("eve", "SELECT * FROM cinemill.loads"));
    // Nobody asked about these.
    assert!(lake.may("bob", READ));
    let auditor = "SELECT has_table_privilege('auditor', 'imdb_titles', 'SELECT')";
    assert_eq!(
        lake.postgres.query(auditor).unwrap()[0][0].as_deref(),
        Some("t")
    );
    assert_code(
        &lake.grants(ADMIN, "apply", &less, &[]),
        0,
        &["nothing to do"],
    );
}

#[test]
fn what_cannot_be_is_told_before_anything_is_sent() {
    let lake = lake();
    for (from, to, code, told) in [
        ("imdb_titles", "imdb_films", 40, "public.imdb_films"),
        ("public.*", "marts.*", 40, "schema marts"),
        ("\"ana\"", "\"ann\"", 40, "user ann"),
        ("groups.analyst", "groups.bob", 40, "it is a user"),
        ("imdb_titles", "t; DROP TABLE imdb_titles", 10, "DROP TABLE"),
        (
            "\"ana\"",
            "'x\" ; DROP TABLE imdb_titles; --'",
            10,
            "no name of a user",
        ),
        ("groups.analyst", "groups.\"a'b\"", 10, "letters, digits"),
        ("groups.analyst", "groups.public", 10, "for itself"),
        ("read", "reads", 10, "reads"),
    ] {
        let file = GRANTS.replace(from, to);
        let ended = lake.grants(ADMIN, "apply", &file, &[]);
        assert_code(&ended, code, &[told]);
    }
    let groups = "SELECT groname FROM pg_group WHERE groname NOT LIKE 'pg%'";
    assert_eq!(lake.postgres.query(groups).unwrap().len(), 0);
}

#[test]
fn who_may_not_grant_is_told() {
    let lake = lake();
    let refused = lake.grants("bob", "apply", GRANTS, &[]);
    assert_code(
        &refused,
        21,
        &[
            "permission denied",
            "nothing was changed",
            "a superuser may",
        ],
    );
    assert_eq!(refused.stdout, "");
    // PostgreSQL warns only where somebody grants who has rights, but may not pass them on.
    assert_code(&lake.grants(ADMIN, "apply", GRANTS, &[]), 0, &[]);
    let more = format!("{GRANTS}\n[groups.viewer]\nread = [\"imdb_titles\"]\n");
    lake.postgres.execute_batch("CREATE GROUP viewer").unwrap();
    let refused = lake.grants("lou", "apply", &more, &[]);
    assert_code(
        &refused,
        21,
        &["did not do what it was told", "a superuser may"],
    );
}

const IN_REDSHIFT: &str = r#"
[groups.analyst]
members = ["ana"]
read = ["films"]

[groups.loader]
members = ["lou", "IAMR:etl-role"]
write = ["public.*", "cinemill.*"]
"#;

/// What exists is read from other views than in PostgreSQL.
#[test]
fn redshift_is_asked_in_its_own_way() {
    for site in [Site::redshift(), Site::redshift_wire()] {
        let films = site.publish("films", ROWS);
        site.loads(&films, &["--create"]);
        // In Redshift only superusers see and grant all.
        site.execute(
            "ALTER ROLE \"IAMR:loader\" SUPERUSER; CREATE ROLE ana LOGIN; CREATE ROLE lou LOGIN;
             CREATE ROLE \"IAMR:etl-role\" LOGIN; CREATE TABLE others (x int)",
        );
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("grants.toml");
        let path = text(&path).unwrap();
        let grants = |verb: &str, file: &str| {
            std::fs::write(&path, file).unwrap();
            let arguments = ["grants", verb, &path, "--to", &site.target];
            site.cinemill.run(&arguments).unwrap()
        };
        let later = "+ ALTER DEFAULT PRIVILEGES FOR USER \"IAMR:etl-role\" IN SCHEMA \"public\"";
        let view = "+ GRANT SELECT ON TABLE \"cinemill\".\"freshness\" TO GROUP \"loader\"";
        assert_code(&grants("apply", IN_REDSHIFT), 0, &[later, view]);
        assert_code(&grants("apply", IN_REDSHIFT), 0, &["nothing to do"]);

        site.execute("GRANT UPDATE ON films TO analyst; ALTER GROUP analyst ADD USER lou");
        let less = IN_REDSHIFT.replace("\"public.*\", ", "");
        let told = [
            "- ALTER GROUP \"analyst\" DROP USER \"lou\"",
            "- REVOKE UPDATE ON TABLE \"public\".\"films\" FROM GROUP \"analyst\"",
            "- REVOKE USAGE, CREATE ON SCHEMA \"public\" FROM GROUP \"loader\"",
            "- REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLE \"public\".\"others\" FROM GROUP",
            "- ALTER DEFAULT PRIVILEGES FOR USER \"lou\" IN SCHEMA \"public\" REVOKE",
        ];
        assert_code(&grants("apply", &less), 0, &told);
        assert_code(&grants("diff", &less), 0, &["no differences"]);
        let missing = IN_REDSHIFT.replace("\"films\"", "\"movies\"");
        assert_code(&grants("diff", &missing), 40, &["public.movies"]);
    }
}
