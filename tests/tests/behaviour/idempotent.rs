//! A run id stands for one run, however often it is asked for.

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, Ended, poll};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{
    JOB, Small, assert_code, assert_fails, assert_nothing_published, assert_same, sample, text,
    whole,
};

#[test]
fn a_finished_run_is_not_run_again() {
    let small = Small::new();
    assert_code(&small.run(&["--run-id", "once"]), 0, &["2 rows"]);
    let before = whole(&small.output());
    // Even where its input is gone by now.
    std::fs::remove_dir_all(small.input()).unwrap();
    let again = small.run(&["--run-id", "once"]);
    assert_code(&again, 0, &["run once was finished before", "2 rows"]);
    assert_same(&whole(&small.output()), &before);
}

#[test]
fn a_finished_run_is_known_after_others() {
    let small = Small::new();
    assert_code(&small.run(&["--run-id", "first"]), 0, &[]);
    assert_code(&small.run(&["--run-id", "second"]), 0, &[]);
    assert_code(&small.run(&["--run-id", "first"]), 0, &["finished before"]);
    assert_eq!(whole(&small.output()).run_id, "second");
    // Known by the manifest, where the record is lost.
    std::fs::remove_file(small.output().join("_runs/first.json")).unwrap();
    assert_code(&small.run(&["--run-id", "first"]), 0, &["finished before"]);
    assert_eq!(whole(&small.output()).run_id, "second");
}

#[test]
fn a_failed_run_may_be_tried_again_under_its_id() {
    let small = Small::new();
    let good = std::fs::read(small.input().join("title.crew.tsv")).unwrap();
    small.write(
        "title.crew.tsv",
        b"tconst\tdirectors\twriters\ntt1\t\\N\t\\N\ntt1\t\\N\t\\N\n",
    );
    assert_fails(&small.run(&["--run-id", "r"]), 11, &["tt1"]);
    assert_nothing_published(&small.output());
    small.write("title.crew.tsv", &good);
    assert_code(&small.run(&["--run-id", "r"]), 0, &["2 rows"]);
    assert_eq!(whole(&small.output()).run_id, "r");
}

fn status(cluster: &Cluster, run_id: &str) -> Value {
    let ended = cluster.run(&["status", run_id, "--json"]).unwrap();
    assert_code(&ended, 0, &[]);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn submit(cluster: &Cluster, input: &str, output: &str, more: &[&str]) -> Ended {
    let mut arguments = vec!["submit", JOB, "--input", input, "--output", output];
    arguments.extend(more);
    cluster.run(&arguments).unwrap()
}

#[test]
fn runs_of_a_cluster_are_found_followed_and_cancelled() {
    let cluster = Cluster::start(1).unwrap();
    let folder = TempDir::new().unwrap();
    let (large, output) = (sample(200_000), folder.path().join("out"));
    let (large, output_text) = (text(&large), text(&output));
    assert_code(&cluster.run(&["runs"]).unwrap(), 0, &["no runs"]);

    let begun = submit(
        &cluster,
        large,
        output_text,
        &["--detach", "--run-id", "big"],
    );
    assert_code(&begun, 0, &[]);
    assert_eq!(begun.stdout, "big\n");
    assert_eq!(status(&cluster, "big")["state"], "running");
    assert_code(&cluster.run(&["runs"]).unwrap(), 0, &["big", "running"]);
    let submit_again = [
        "submit",
        JOB,
        "--input",
        large,
        "--output",
        output_text,
        "--run-id",
        "big",
    ];
    let second = cluster.cinemill().start(&submit_again).unwrap();
    let waiting = cluster.cinemill().start(&["wait", "big"]).unwrap();
    let second = second.wait().unwrap();
    assert_code(&second, 0, &["attached to run big", "200000 rows"]);
    assert_code(&waiting.wait().unwrap(), 0, &["200000 rows"]);
    let table = whole(&output);
    assert_eq!(
        (table.run_id.as_str(), table.rows.rows.len()),
        ("big", 200_000)
    );
    let record = std::fs::read(output.join("_runs/big.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(
        (&record["attempt"], &record["state"]),
        (&1.into(), &"succeeded".into())
    );

    // Finished: nothing is done again, here or there.
    let again = submit(&cluster, large, output_text, &["--run-id", "big"]);
    assert_code(&again, 0, &["run big was finished before"]);
    let embedded = [
        "run",
        JOB,
        "--input",
        large,
        "--output",
        output_text,
        "--run-id",
        "big",
    ];
    let embedded = Cinemill::default().run(&embedded).unwrap();
    assert_code(&embedded, 0, &["run big was finished before"]);
    assert_code(&cluster.run(&["wait", "big"]).unwrap(), 0, &["200000 rows"]);
    assert_code(&cluster.run(&["runs"]).unwrap(), 0, &["succeeded"]);

    // A run that this scheduler does not know, but the table does.
    let small = Small::new();
    assert_code(&small.run(&["--run-id", "elsewhere"]), 0, &[]);
    let (input, known) = (small.input(), small.output());
    let done = submit(
        &cluster,
        text(&input),
        text(&known),
        &["--run-id", "elsewhere"],
    );
    assert_code(&done, 0, &["run elsewhere was finished before"]);

    // Cancelled.
    let begun = submit(
        &cluster,
        large,
        output_text,
        &["--detach", "--run-id", "stopped"],
    );
    assert_code(&begun, 0, &[]);
    poll("the run's staged files", || {
        output.join("_staging/stopped").exists().then_some(())
    })
    .unwrap();
    assert_code(
        &cluster.run(&["cancel", "stopped"]).unwrap(),
        0,
        &["cancelled"],
    );
    assert_eq!(status(&cluster, "stopped")["state"], "cancelled");
    assert_fails(
        &cluster.run(&["wait", "stopped"]).unwrap(),
        22,
        &["cancelled"],
    );
    assert_same(&whole(&output), &table);
    assert_fails(&cluster.run(&["status", "nope"]).unwrap(), 2, &["nope"]);
}

#[test]
fn failures_of_a_cluster_end_as_embedded_ones() {
    let cluster = Cluster::start(2).unwrap();
    let small = Small::new();
    let (input, output) = (small.input(), small.output());
    let (input, output_text) = (text(&input), text(&output));
    let rating = "tconst\taverageRating\tnumVotes\n";
    small.write(
        "title.ratings.tsv",
        format!("{rating}tt1\t-1\t1\n").as_bytes(),
    );
    let ended = submit(&cluster, input, output_text, &[]);
    assert_fails(&ended, 11, &["average_rating is not negative", "tt1"]);
    small.write(
        "title.ratings.tsv",
        format!("{rating}tt1\t1\t1\ntt1\t1\t1\n").as_bytes(),
    );
    let ended = submit(&cluster, input, output_text, &[]);
    assert_fails(&ended, 11, &["ratings.tconst", "tt1"]);
    small.write(
        "title.ratings.tsv",
        format!("{rating}tt1\tgood\t1\n").as_bytes(),
    );
    let ended = submit(&cluster, input, output_text, &["--bad-records", "fail"]);
    assert_fails(&ended, 12, &["title.ratings.tsv"]);
    assert_nothing_published(&output);

    let ended = submit(&cluster, input, output_text, &["--run-id", "good"]);
    assert_code(&ended, 0, &["1 reject,", "bad_value:averageRating: 1"]);
    let rejects = std::fs::read_dir(output.join("_rejects/good")).unwrap();
    assert_eq!(rejects.count(), 1);
    let before = whole(&output);
    small.remove("title.crew.tsv");
    let ended = submit(&cluster, input, output_text, &[]);
    assert_fails(&ended, 12, &["title.crew.tsv"]);
    assert_same(&whole(&output), &before);
}

#[test]
fn a_scheduler_that_is_not_there_is_told() {
    let small = Small::new();
    let (input, output) = (small.input(), small.output());
    let nowhere = ["--scheduler", "127.0.0.1:1"];
    let mut submit = vec![
        "submit",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    submit.extend(nowhere);
    let ended = Cinemill::default().run(&submit).unwrap();
    assert_fails(&ended, 30, &["127.0.0.1:1", "hint:"]);
    let mut runs = vec!["runs"];
    runs.extend(nowhere);
    assert_fails(
        &Cinemill::default().run(&runs).unwrap(),
        30,
        &["127.0.0.1:1"],
    );
}
