//! What `cinemill grants` asks Redshift, and what it has it do.

use async_trait::async_trait;
use cinemill_engine::error::Result;
use expect_test::expect_file;
use tokio_util::sync::CancellationToken;

use super::golden::assert_texts;
use crate::warehouse::dialect::Dialect;
use crate::warehouse::grants::{GrantsFile, apply, plan};
use crate::warehouse::script::Script;
use crate::warehouse::{Row, Warehouse};

const FILE: &str = r#"
[groups.analyst]
members = ["ana"]
read = ["marts.films", "cinemill.freshness"]
[groups.loader]
write = ["marts.*"]
"#;

/// What stands in a statement, and what is answered to it.
const ANSWERS: &[(&str, &[&[&str]])] = &[
    ("CURRENT_USER", &[&["admin"]]),
    ("SELECT usename FROM pg_user", &[&["admin"], &["ana"]]),
    (
        "HAS_SCHEMA_PRIVILEGE",
        &[&["cinemill", "t"], &["marts", "t"]],
    ),
    (
        "information_schema.tables",
        &[
            &["marts", "films", "t"],
            &["marts", "days", "t"],
            &["cinemill", "freshness", "f"],
        ],
    ),
    ("SELECT groname FROM pg_group", &[&["analyst"]]),
    ("INNER JOIN pg_user", &[&["analyst", "bob", "f"]]),
    (
        "svv_relation_privileges",
        &[&["analyst", "marts", "days", "SELECT"]],
    ),
];

/// Notes what it is asked and told.
#[derive(Default)]
struct Recorder {
    asked: Vec<String>,
    told: Vec<String>,
}

#[async_trait]
impl Warehouse for Recorder {
    fn dialect(&self) -> Dialect {
        Dialect::Redshift
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.asked.push(sql.to_owned());
        let known = ANSWERS.iter().find(|(words, _)| sql.contains(words));
        let rows = known.map_or(&[][..], |(_, rows)| rows).iter();
        let row = |row: &&[&str]| row.iter().map(|value| Some((*value).to_owned())).collect();
        Ok(rows.map(row).collect())
    }

    async fn transact(&mut self, script: &Script<'_>, _: &CancellationToken) -> Result<()> {
        let texts = script.statements.iter();
        self.told
            .extend(texts.map(|statement| statement.sql.clone()));
        Ok(())
    }
}

#[tokio::test]
async fn what_redshift_is_asked_and_told() {
    let file: GrantsFile = toml::from_str(FILE).unwrap();
    let mut recorder = Recorder::default();
    let changes = plan(&mut recorder, &file).await.unwrap();
    let questions = std::mem::take(&mut recorder.asked);
    assert_texts(
        &expect_file!["golden/redshift/grants_questions.sql"],
        questions,
    );
    // The recorder never changes, which does not go unnoticed.
    let error = apply(&mut recorder, &file, &changes, &CancellationToken::new()).await;
    assert!(
        error
            .unwrap_err()
            .cause
            .contains("did not do what it was told")
    );
    assert_texts(&expect_file!["golden/redshift/grants.sql"], recorder.told);
}
