//! Every job's given/expect cases: `jobs/catalog/<job>/tests/<case>/` holds the input files and
//! `expect.tsv`, a header and the rows, `\N` for null.

use std::fs;
use std::path::{Path, PathBuf};

use cinemill_tests::processes::Cinemill;
use tempfile::TempDir;

use crate::fixture::{assert_code, text, whole};

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

#[test]
fn every_case_of_every_job_gives_what_it_expects() {
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs/catalog");
    let mut cases = 0;
    for job in folders(&catalog) {
        for case in folders(&job.join("tests")) {
            check(&job, &case);
            cases += 1;
        }
    }
    assert!(cases >= 3, "only {cases} cases in {}", catalog.display());
}

fn check(job: &Path, case: &Path) {
    let job = job.file_name().unwrap().to_str().unwrap();
    let output = TempDir::new().unwrap();
    let ended = Cinemill::default()
        .run(&[
            "run",
            job,
            "--input",
            text(case),
            "--output",
            text(output.path()),
        ])
        .unwrap();
    assert_code(&ended, 0, &[]);
    let table = whole(output.path());

    let expected = fs::read_to_string(case.join("expect.tsv")).unwrap();
    let mut lines = expected.lines().map(|line| line.split('\t'));
    let columns: Vec<_> = lines.next().unwrap().collect();
    let found: Vec<_> = table.rows.columns.iter().map(|(name, _)| name).collect();
    assert_eq!(found, columns, "columns of {}", case.display());
    let cell = |cell: &str| (cell != "\\N").then(|| cell.to_owned());
    let mut rows: Vec<Vec<_>> = lines.map(|line| line.map(cell).collect()).collect();
    rows.sort();
    for (found, expected) in table.rows.rows.iter().zip(&rows) {
        assert_eq!(found, expected, "a row of {}", case.display());
    }
    assert_eq!(
        table.rows.rows.len(),
        rows.len(),
        "rows of {}",
        case.display()
    );
}
