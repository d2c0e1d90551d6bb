//! Two runs at one output.

use std::path::Path;

use cinemill_tests::processes::{Cinemill, Ended};
use cinemill_tests::published::Published;
use cinemill_tests::s3::S3Server;
use tempfile::TempDir;

use crate::fixture::{
    JOB, Small, assert_code, assert_fails, assert_nothing_published, assert_same, sample, text,
    whole, write_sample,
};

/// Two runs begin at the same time, over different data; the loser ends with 21, or they came one
/// after the other. The table is that of the one that published last.
fn race(cinemill: &Cinemill, output: &str, folder: &Path) {
    let other = TempDir::new().unwrap();
    write_sample(19_000, other.path(), &["--seed", "2"]);
    let inputs = [sample(20_000), other.path().to_owned()];
    let alone: Vec<Published> = inputs.iter().map(|input| run_alone(input)).collect();
    for round in 0..4 {
        let start = |number: usize| {
            let run_id = format!("race-{round}-{number}");
            let input = text(&inputs[number]);
            let arguments = [
                "run", JOB, "--input", input, "--output", output, "--run-id", &run_id,
            ];
            cinemill.start(&arguments).unwrap()
        };
        let (first, second) = (start(0), start(1));
        let ended = [first.wait().unwrap(), second.wait().unwrap()];
        let won: Vec<usize> = (0..2).filter(|n| ended[*n].code() == Some(0)).collect();
        assert!(!won.is_empty(), "{} {}", ended[0].stderr, ended[1].stderr);
        let winner = check_table(folder, round, &alone);
        assert!(won.contains(&winner), "the table is that of the loser");
        for loser in (0..2).filter(|number| !won.contains(number)) {
            let told = format!("race-{round}-{winner} published");
            assert_fails(&ended[loser], 20, &[&told, "hint:"]);
        }
    }
}

fn check_table(folder: &Path, round: usize, alone: &[Published]) -> usize {
    let table = whole(folder);
    let winner = (0..2).find(|n| table.run_id == format!("race-{round}-{n}"));
    let winner = winner.expect("a run of this round");
    assert_same(&table, &alone[winner]);
    winner
}

fn run_alone(input: &Path) -> Published {
    let output = TempDir::new().unwrap();
    let arguments = [
        "run",
        JOB,
        "--input",
        text(input),
        "--output",
        text(output.path()),
    ];
    assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
    whole(output.path())
}

#[test]
fn two_runs_to_one_folder() {
    let output = TempDir::new().unwrap();
    race(&Cinemill::default(), text(output.path()), output.path());
}

#[test]
fn two_runs_to_one_place_in_s3() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let cinemill = Cinemill::default().with_s3(&server);
    race(
        &cinemill,
        "s3://lake/out",
        &server.object_path("lake", "out"),
    );
    let open = server.open_uploads("lake").unwrap();
    assert!(open.is_empty(), "open uploads: {open:?}");
}

#[test]
fn two_processes_with_one_run_id_do_it_once() {
    let output = TempDir::new().unwrap();
    let input = sample(200_000);
    let arguments = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(output.path()),
        "--run-id",
        "same",
    ];
    let both = [(); 2].map(|()| Cinemill::default().start(&arguments).unwrap());
    let ended = both.map(|running| running.wait().unwrap());
    ended
        .iter()
        .for_each(|ended| assert_code(ended, 0, &["200000 rows"]));
    let again: Vec<&Ended> = ended.iter().filter(|e| e.says("finished before")).collect();
    assert_eq!(again.len(), 1);
    let table = whole(output.path());
    assert_eq!(table.rows.rows.len(), 200_000);
    assert!(table.files.iter().all(|file| file.contains("-same-c")));
}

#[test]
fn a_store_without_conditional_writes_is_refused() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    server.faults().ignore_conditions(true);
    let small = Small::new();
    let input = small.input();
    let arguments = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        "s3://lake/out",
    ];
    let cinemill = Cinemill::default().with_s3(&server);
    let ended = cinemill.run(&arguments).unwrap();
    assert_fails(&ended, 21, &["conditional writes", "hint:"]);
    assert_nothing_published(&server.object_path("lake", "out"));
    server.faults().ignore_conditions(false);
    assert_code(&cinemill.run(&arguments).unwrap(), 0, &["2 rows"]);
}

#[test]
fn a_store_that_stumbles_is_asked_again() {
    use cinemill_tests::s3::Moment;
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let input = sample(20_000);
    let arguments = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        "s3://lake/out",
    ];
    let cinemill = Cinemill::default().with_s3(&server);
    assert_code(&cinemill.run(&arguments).unwrap(), 0, &[]);
    let before = whole(&server.object_path("lake", "out"));
    let targets = [
        "uploadId=",
        "_manifest.json",
        "_runs/",
        "_staging/",
        "_SUCCESS",
    ];
    let mut failed = 0;
    for moment in [Moment::Before, Moment::After] {
        for target in targets {
            for method in ["PUT", "POST", "GET", "HEAD"] {
                server
                    .faults()
                    .fail_next_to(1, Some(method), target, moment);
                let ended = cinemill.run(&arguments).unwrap();
                assert_code(&ended, 0, &["20000 rows"]);
                failed += 1 - server.faults().failures_left();
                server.faults().fail_next(0, None, moment);
                assert_same(&whole(&server.object_path("lake", "out")), &before);
            }
        }
    }
    assert!(failed >= 16, "only {failed} requests failed");
    assert!(server.open_uploads("lake").unwrap().is_empty());
}
