//! Mistakes in jobs and on the command line.

use std::fs;
use std::path::{Path, PathBuf};

use cinemill_tests::processes::Cinemill;

use crate::fixture::{JOB, Small, assert_code, assert_fails, assert_nothing_published, text};

/// A copy of the main job under another name, in a catalogue of its own.
fn copy_of_job(small: &Small) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs/catalog/imdb_titles");
    let target = small.path().join("catalog/mine");
    fs::create_dir_all(&target).unwrap();
    for entry in fs::read_dir(source).unwrap().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
        }
    }
    target
}

fn spoil(file: &Path, from: &str, to: &str) {
    let content = fs::read_to_string(file).unwrap();
    assert!(content.contains(from), "no `{from}` in {}", file.display());
    fs::write(file, content.replacen(from, to, 1)).unwrap();
}

/// The line and column, from 1, at which a text stands in a file.
fn place(file: &Path, text: &str) -> String {
    let content = fs::read_to_string(file).unwrap();
    let at = content.find(text).unwrap();
    let before = &content[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    let name = file.file_name().unwrap().to_str().unwrap();
    format!("{name}:{line}:{column}")
}

#[track_caller]
fn fails(small: &Small, code: i32, texts: &[&str]) {
    let (input, output) = (small.input(), small.output());
    let catalog = small.path().join("catalog");
    let ended = Cinemill::default()
        .run(&[
            "run",
            "mine",
            "--catalog",
            text(&catalog),
            "--input",
            text(&input),
            "--output",
            text(&output),
        ])
        .unwrap();
    assert_fails(&ended, code, texts);
    assert_nothing_published(&output);
}

#[test]
fn a_job_of_ones_own_runs() {
    let small = Small::new();
    let job = copy_of_job(&small);
    let (input, output) = (small.input(), small.output());
    let (input, output) = (text(&input), text(&output));
    let catalog = text(job.parent().unwrap());
    let run = [
        "run",
        "mine",
        "--catalog",
        catalog,
        "--input",
        input,
        "--output",
        output,
    ];
    assert_code(
        &Cinemill::default().run(&run).unwrap(),
        0,
        &["mine done: 2 rows"],
    );
    let jobs = Cinemill::default()
        .run(&["jobs", "--catalog", catalog])
        .unwrap();
    assert_code(&jobs, 0, &["imdb_titles", "mine"]);
}

#[test]
fn an_error_in_job_toml_has_line_and_column() {
    let small = Small::new();
    let job = copy_of_job(&small).join("job.toml");
    spoil(&job, "format = \"imdb\"", "format = \"imbd\"");
    fails(&small, 10, &[&place(&job, "\"imbd\"")]);
}

#[test]
fn an_unknown_word_in_job_toml_has_line_and_column() {
    let small = Small::new();
    let job = copy_of_job(&small).join("job.toml");
    spoil(&job, "one_row_per", "one_row_pro");
    fails(&small, 10, &[&place(&job, "one_row_pro"), "one_row_pro"]);
}

#[test]
fn bad_syntax_in_sql_has_file_line_and_column() {
    let small = Small::new();
    let file = copy_of_job(&small).join("imdb_titles.sql");
    spoil(&file, "FROM titles t", "FORM titles t");
    let line = place(&file, "titles t");
    let line = line.rsplit_once(':').unwrap().0;
    fails(&small, 10, &[line]);
}

#[test]
fn an_unknown_column_in_sql_has_file_line_and_column() {
    let small = Small::new();
    let file = copy_of_job(&small).join("imdb_titles.sql");
    spoil(&file, "t.genres    ", "t.genders   ");
    fails(&small, 10, &[&place(&file, "t.genders"), "genders"]);
}

#[test]
fn an_unknown_function_or_table_in_sql_names_the_file() {
    let small = Small::new();
    let file = copy_of_job(&small).join("imdb_titles.sql");
    spoil(&file, "substring(", "supstring(");
    fails(&small, 10, &["imdb_titles.sql:", "supstring"]);

    let small = Small::new();
    let file = copy_of_job(&small).join("imdb_titles.sql");
    spoil(&file, "LEFT JOIN ratings r", "LEFT JOIN rating r");
    fails(&small, 10, &["imdb_titles.sql:", "rating"]);
}

#[test]
fn a_bad_expectation_is_told() {
    let small = Small::new();
    let job = copy_of_job(&small).join("job.toml");
    spoil(
        &job,
        "condition = \"num_votes >= 0\"",
        "condition = \"votes >= 0\"",
    );
    fails(&small, 10, &["job.toml", "votes"]);
}

#[test]
fn an_unknown_job_is_told_with_those_there_are() {
    let small = Small::new();
    let (input, output) = (small.input(), small.output());
    let run = [
        "run",
        "nope",
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    let ended = Cinemill::default().run(&run).unwrap();
    assert_fails(&ended, 10, &["nope", JOB]);
    assert_nothing_published(&output);
}

#[test]
fn a_wrong_command_line_is_usage() {
    let small = Small::new();
    for (more, word) in [
        (&["--run-id", "../escape"][..], "../escape"),
        (&["--run-id", ""], "run id"),
        (&["--bad-records", "maybe"], "maybe"),
        (&["--input", "crow=/tmp/x"], "crow"),
        (&["--target-file-mb", "0"], "0"),
    ] {
        let ended = small.run(more);
        assert_code(&ended, 2, &[word]);
        assert_nothing_published(&small.output());
    }
    let ended = small.run(&["--partition-by", "relase_year"]);
    assert_fails(&ended, 10, &["relase_year", "release_year"]);
    assert_nothing_published(&small.output());
    assert_code(&Cinemill::default().run(&["run"]).unwrap(), 2, &[]);
    assert_code(
        &Cinemill::default().run(&["--help"]).unwrap(),
        0,
        &["40  a load was refused"],
    );
}

#[test]
fn an_input_is_never_written_over() {
    let small = Small::new();
    let input = small.input();
    let input = text(&input);
    let dotted = format!("{input}/../in/");
    for output in [input, &dotted] {
        let run = ["run", JOB, "--input", input, "--output", output];
        assert_fails(&Cinemill::default().run(&run).unwrap(), 2, &["input"]);
    }
    assert!(!small.input().join("_manifest.json").exists());
    assert!(!small.input().join("_runs").exists());
}
