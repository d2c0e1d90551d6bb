//! Questions that people ask of a job's table in a warehouse: `queries/<name>.sql` in its folder.

use std::collections::BTreeMap;
use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::{BUILT_IN, Catalog, definition_error};

const FOLDER: &str = "queries";

/// One `SELECT`, in SQL that PostgreSQL and Redshift both take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedQuery {
    pub job: String,
    pub name: String,
    /// In words.
    pub question: String,
    pub sql: String,
    /// The names of its columns.
    pub columns: Vec<String>,
}

impl Catalog {
    /// The queries of a job, by name.
    ///
    /// # Errors
    /// `Definition` where there is no such job, or a query of it is wrong.
    pub fn queries(&self, job: &str) -> Result<Vec<NamedQuery>> {
        let queries = self.sql_files(job, FOLDER)?.into_iter();
        queries
            .map(|(name, sql)| NamedQuery::parse(job, &name, &sql))
            .collect()
    }

    /// The text of each `.sql` file in a folder of a job's folder, by name.
    pub(super) fn sql_files(&self, job: &str, folder: &str) -> Result<Files> {
        match self.own(job) {
            Some(own) => read_folder(job, &own.join(folder)),
            None => read_built_in(job, folder).ok_or_else(|| self.unknown(job)),
        }
    }

    /// A query by `job/name`.
    ///
    /// # Errors
    /// As [`Catalog::queries`], and `Definition` where there is no such query.
    pub fn query(&self, path: &str) -> Result<NamedQuery> {
        let missing = |cause: String| Error::new(Kind::Definition, "find query", path, cause);
        let (job, name) = path
            .split_once('/')
            .ok_or_else(|| missing("it is not of the form <job>/<name>".to_owned()))?;
        let queries = self.queries(job)?;
        let names: Vec<String> = queries.iter().map(|query| query.name.clone()).collect();
        let found = queries.into_iter().find(|query| query.name == name);
        found.ok_or_else(|| {
            let known = names.join(", ");
            missing(format!("the job {job} has no such query")).hint(format!("there are: {known}"))
        })
    }
}

/// Texts by name.
type Files = BTreeMap<String, String>;

fn read_built_in(job: &str, folder: &str) -> Option<Files> {
    let own = BUILT_IN.get_dir(job)?;
    let mut files = Files::new();
    let Some(folder) = BUILT_IN.get_dir(own.path().join(folder)) else {
        return Some(files);
    };
    for file in folder.files() {
        if let (Some(name), Some(text)) = (name(file.path()), file.contents_utf8()) {
            files.insert(name, text.to_owned());
        }
    }
    Some(files)
}

fn read_folder(job: &str, folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    let failed = |cause: std::io::Error| definition_error(job, cause);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = name(&path) {
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| definition_error(job, format!("{}: {cause}", path.display())))?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

/// A file's name without `.sql`; `None` for other files.
fn name(path: &Path) -> Option<String> {
    let is_query = path.extension().is_some_and(|ending| ending == "sql");
    let stem = path.file_stem().filter(|_| is_query)?;
    Some(stem.to_string_lossy().into_owned())
}

impl NamedQuery {
    fn parse(job: &str, name: &str, sql: &str) -> Result<Self> {
        let wrong = |cause: String| definition_error(job, format!("{FOLDER}/{name}.sql: {cause}"));
        let first = sql.lines().next().unwrap_or_default();
        let question = first
            .strip_prefix("--")
            .ok_or_else(|| wrong("the first line is no `-- question in words`".to_owned()))?;
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql)
            .map_err(|cause| wrong(cause.to_string()))?;
        let [Statement::Query(query)] = statements.as_slice() else {
            return Err(wrong("it is not one SELECT".to_owned()));
        };
        let columns = columns(&query.body).map_err(wrong)?;
        Ok(Self {
            job: job.to_owned(),
            name: name.to_owned(),
            question: question.trim().to_owned(),
            sql: sql.to_owned(),
            columns,
        })
    }
}

/// The names of the columns of a `SELECT`, of which each must have one.
fn columns(body: &SetExpr) -> Result<Vec<String>, String> {
    let SetExpr::Select(select) = body else {
        return Err("it is not one SELECT".to_owned());
    };
    let names = select.projection.iter().map(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => Ok(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Ok(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => Ok(path
            .last()
            .map(|name| name.value.clone())
            .unwrap_or_default()),
        other => Err(format!("`{other}` has no name; add AS")),
    });
    names.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_query_is_well_formed() {
        let catalog = Catalog::default();
        for job in catalog.names().unwrap() {
            for query in catalog.queries(&job).unwrap() {
                assert!(query.question.ends_with('?'), "{job}/{}", query.name);
                assert!(!query.columns.is_empty());
            }
        }
        let query = catalog.query("imdb_titles/good_thrillers").unwrap();
        assert_eq!(
            query.columns,
            ["primary_title", "title_type", "average_rating", "num_votes"]
        );
    }

    #[test]
    fn own_queries_are_read_and_are_no_relations() {
        let folder = tempfile::tempdir().unwrap();
        let job = folder.path().join("mine");
        std::fs::create_dir_all(job.join(FOLDER)).unwrap();
        let toml = "[inputs.a]\nfile = \"a.csv\"\nformat = \"csv\"\nschema = \"x INT\"\n\
                    [output]\nrelation = \"mine\"\n";
        std::fs::write(job.join("job.toml"), toml).unwrap();
        std::fs::write(job.join("mine.sql"), "SELECT x FROM a").unwrap();
        let catalog = Catalog::new(vec![folder.path().to_owned()]);
        assert_eq!(catalog.queries("mine").unwrap(), []);
        let query = "-- How many?\nSELECT COUNT(*) AS rows, m.x FROM mine AS m GROUP BY m.x";
        std::fs::write(job.join(FOLDER).join("many.sql"), query).unwrap();
        std::fs::write(job.join(FOLDER).join("notes.md"), "no query").unwrap();
        let many = catalog.query("mine/many").unwrap();
        assert_eq!(
            (many.question.as_str(), many.sql.as_str()),
            ("How many?", query)
        );
        assert_eq!(many.columns, ["rows", "x"]);
        assert_eq!(catalog.job("mine").unwrap().relations.len(), 1);
    }

    #[test]
    fn what_is_no_query_is_told() {
        for (sql, word) in [
            ("SELECT 1 AS one", "question"),
            ("-- q\nSELECT 1", "has no name"),
            ("-- q\nSELECT 1 AS a; DROP TABLE t", "not one SELECT"),
            ("-- q\nDELETE FROM t", "not one SELECT"),
            ("-- q\nSELECT 1 AS a UNION SELECT 2", "not one SELECT"),
            ("-- q\nSELEC", "SELEC"),
        ] {
            let error = NamedQuery::parse("job", "name", sql).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        let error = Catalog::default().query("imdb_titles/nothing").unwrap_err();
        assert!(error.hint.unwrap().contains("ozark_writers"));
    }
}
