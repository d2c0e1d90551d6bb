//! `cinemill new`: a job to begin with, whose test fails until its reader has understood it.

use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};

use crate::job::Catalog;

/// Stands for the job's name in files and their names.
const JOB: &str = "{{job}}";

/// Paths in the job's folder, with what stands there.
const FILES: [(&str, &str); 8] = [
    ("job.toml", include_str!("files/job.toml")),
    ("sized_orders.sql", include_str!("files/sized_orders.sql")),
    ("{{job}}.sql", include_str!("files/output.sql")),
    (
        "checks/lost_orders.sql",
        include_str!("files/lost_orders.sql"),
    ),
    ("README.md", include_str!("files/README.md")),
    (
        "tests/by_category/orders.csv",
        include_str!("files/orders.csv"),
    ),
    (
        "tests/by_category/case.toml",
        include_str!("files/case.toml"),
    ),
    (
        "tests/by_category/expect.tsv",
        include_str!("files/expect.tsv"),
    ),
];

/// Relations and inputs of the template, whose names a job cannot have.
const TAKEN: [&str; 2] = ["orders", "sized_orders"];

/// The line that is missing in the output's SQL, and the one after which it belongs.
pub const MISSING: &str = "  sum(amount) AS amount";
pub const AFTER: &str = "  count(*) AS orders";

/// Writes the folder of a new job and returns its place and its files.
///
/// # Errors
/// `Usage` for a name that is no table's, and a folder that is there already.
pub fn write(catalog: &Path, job: &str) -> Result<(PathBuf, Vec<String>)> {
    check_name(job)?;
    let folder = catalog.join(job);
    if folder.exists() {
        let cause = "it is there already";
        return Err(Error::new(Kind::Usage, "write", folder.display(), cause)
            .hint("choose another name, or another folder with --catalog"));
    }
    let mut written = Vec::new();
    for (path, text) in FILES {
        let path = path.replace(JOB, job);
        let file = folder.join(&path);
        let parent = file.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&file, text.replace(JOB, job)))
            .map_err(|cause| Error::new(Kind::Final, "write", file.display(), cause))?;
        written.push(path);
    }
    Ok((folder, written))
}

/// The name becomes that of a relation, and of a table in warehouses.
fn check_name(job: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts_plain = job.starts_with(|c: char| c.is_ascii_lowercase());
    let wrong = |cause: &str| {
        Err(Error::new(
            Kind::Usage,
            "make job",
            format!("`{job}`"),
            cause,
        ))
    };
    if !starts_plain || !job.chars().all(plain) || job.len() > 63 {
        return wrong(
            "a job's name has up to 63 small letters, digits and `_`, and begins with a letter",
        );
    }
    if Catalog::is_built_in(job) {
        let cause = "there is a built-in job of that name, which the new one would hide";
        return wrong(cause).map_err(|error| error.hint("choose another name"));
    }
    if TAKEN.contains(&job) {
        return wrong("the new job has a table of that name already");
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_new_job_is_well_formed() {
        let catalog = tempfile::tempdir().unwrap();
        let (folder, files) = write(catalog.path(), "sales").unwrap();
        assert!(files.contains(&"sales.sql".to_owned()));
        let job = Catalog::new(vec![catalog.path().to_owned()]).job("sales");
        let job = job.unwrap();
        assert_eq!((job.checks.len(), job.expectations.len()), (1, 2));
        let sql = std::fs::read_to_string(folder.join("sales.sql")).unwrap();
        assert!(sql.contains(AFTER) && !sql.contains(MISSING));
        for text in [job.description, sql] {
            assert!(!text.contains("{{"), "{text}");
        }
        for name in ["sales", "Sales", "", "a-b", "../a", "orders", "imdb_titles"] {
            let error = write(catalog.path(), name).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{name}");
        }
    }
}
