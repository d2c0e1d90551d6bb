//! A PostgreSQL server with titles in it, and people who use it.

use std::fs;
use std::path::Path;

use cinemill_tests::postgres::{ADMIN, Postgres};
use cinemill_tests::processes::{Cinemill, Ended, assert_code, text};
use cinemill_tests::samples::{self, JOB};
use tempfile::TempDir;
use tokio_postgres::error::SqlState;

pub struct Lake {
    pub postgres: Postgres,
    folder: TempDir,
}

impl Lake {
    /// Has the tables of a load by the superuser; `extend` may add to the input before.
    pub fn with_titles(titles: u64, extend: impl FnOnce(&Path)) -> Self {
        let lake = Self {
            postgres: Postgres::start().unwrap(),
            folder: TempDir::new().unwrap(),
        };
        let input = lake.folder.path().join("input");
        samples::make(titles, 1, &input).unwrap();
        extend(&input);
        let (input, output) = (text(&input).unwrap(), lake.titles());
        let arguments = ["run", JOB, "--input", &input, "--output", &output];
        assert_code(&lake.cinemill(ADMIN, &arguments), 0, &[]);
        assert_code(&lake.load(ADMIN, &["--create"]), 0, &[]);
        lake
    }

    fn titles(&self) -> String {
        text(&self.folder.path().join("titles")).unwrap()
    }

    /// The command line of one who logs in as this user.
    pub fn cinemill(&self, user: &str, arguments: &[&str]) -> Ended {
        let mut cinemill = Cinemill::default();
        for (name, value) in self.postgres.environment(user) {
            cinemill = cinemill.with(&name, value);
        }
        cinemill.run(arguments).unwrap()
    }

    pub fn load(&self, user: &str, flags: &[&str]) -> Ended {
        let (titles, target) = (self.titles(), self.postgres.url(user));
        let arguments = ["load", &titles, "--to", &target];
        self.cinemill(user, &[&arguments, flags].concat())
    }

    /// `cinemill grants <verb>` with a file of this text.
    pub fn grants(&self, user: &str, verb: &str, file: &str, flags: &[&str]) -> Ended {
        let path = self.folder.path().join("grants.toml");
        fs::write(&path, file).unwrap();
        let (path, target) = (text(&path).unwrap(), self.postgres.url(user));
        let arguments = ["grants", verb, &path, "--to", &target];
        self.cinemill(user, &[&arguments, flags].concat())
    }

    /// Whether a user may execute a statement; it is rolled back.
    pub fn may(&self, user: &str, sql: &str) -> bool {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = self.postgres.config(user);
        let executed = runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
                .batch_execute(&format!("BEGIN; {sql}; ROLLBACK"))
                .await
        });
        match executed {
            Ok(()) => true,
            Err(error) => {
                let denied = Some(&SqlState::INSUFFICIENT_PRIVILEGE);
                assert_eq!(error.code(), denied, "{user}: {sql}: {error}");
                false
            }
        }
    }
}
