//! The same rows come out wherever a job runs and however its data is packed.

use std::fs::{self, File};
use std::path::Path;
use std::sync::OnceLock;

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::Cinemill;
use cinemill_tests::published::Published;
use cinemill_tests::s3::S3Server;
use tempfile::TempDir;

use crate::fixture::{
    CREW, JOB, NAMES, RATINGS, TITLES, assert_code, assert_same, sample, text, whole, write_sample,
};

const SIZE: u64 = 20_000;
const BUCKET: &str = "lake";
const FILES: [&str; 4] = [TITLES, CREW, RATINGS, NAMES];

/// What one process makes of plain local files.
fn reference() -> &'static Published {
    static REFERENCE: OnceLock<Published> = OnceLock::new();
    REFERENCE.get_or_init(|| run(&sample(SIZE), &[]))
}

/// The table that one process makes.
fn run(input: &Path, more: &[&str]) -> Published {
    let output = TempDir::new().unwrap();
    let mut arguments = vec![
        "run",
        JOB,
        "--input",
        text(input),
        "--output",
        text(output.path()),
    ];
    arguments.extend(more);
    assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
    whole(output.path())
}

fn put_into_bucket(server: &S3Server, folder: &Path, prefix: &str) {
    let target = server.object_path(BUCKET, prefix);
    fs::create_dir_all(&target).unwrap();
    for file in fs::read_dir(folder).unwrap().flatten() {
        fs::copy(file.path(), target.join(file.file_name())).unwrap();
    }
}

/// The table that a command made in the bucket, with no upload left open.
fn in_bucket(server: &S3Server, prefix: &str) -> Published {
    let open = server.open_uploads(BUCKET).unwrap();
    assert!(open.is_empty(), "open uploads: {open:?}");
    whole(&server.object_path(BUCKET, prefix))
}

#[test]
fn one_process_reads_every_packing() {
    let packed = TempDir::new().unwrap();
    write_sample(SIZE, packed.path(), &["--gzip"]);
    assert_same(&run(packed.path(), &[]), reference());

    let zstd_folder = TempDir::new().unwrap();
    for name in FILES {
        let target = File::create(zstd_folder.path().join(format!("{name}.zst"))).unwrap();
        let source = File::open(sample(SIZE).join(name)).unwrap();
        zstd::stream::copy_encode(source, target, 1).unwrap();
    }
    assert_same(&run(zstd_folder.path(), &[]), reference());
}

#[test]
fn one_process_reads_folders_of_parts_with_headers_of_their_own() {
    let parts = TempDir::new().unwrap();
    for name in FILES {
        let content = fs::read_to_string(sample(SIZE).join(name)).unwrap();
        let (header, body) = content.split_once('\n').unwrap();
        let lines: Vec<&str> = body.lines().collect();
        let folder = parts.path().join(name);
        fs::create_dir(&folder).unwrap();
        for (number, lines) in lines.chunks(lines.len().div_ceil(3)).enumerate() {
            // Each part has its columns in another order.
            let turn = |line: &str| {
                let mut fields: Vec<&str> = line.split('\t').collect();
                let places = fields.len();
                fields.rotate_left(number % places);
                fields.join("\t") + "\n"
            };
            let body: String = lines.iter().map(|line| turn(line)).collect();
            let path = folder.join(format!("part-{number}.tsv"));
            fs::write(path, turn(header) + &body).unwrap();
        }
        fs::write(folder.join("_SUCCESS"), "").unwrap();
    }
    assert_same(&run(parts.path(), &[]), reference());
}

#[test]
fn one_process_partitions_sorts_and_splits() {
    let output = TempDir::new().unwrap();
    let input = sample(SIZE);
    let arguments = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(output.path()),
        "--partition-by",
        "release_year",
        "--sort-by",
        "title_key",
        "--compression",
        "zstd",
    ];
    assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
    let table = whole(output.path());
    assert_same(&table, reference());
    let year = column(&table, "release_year");
    let mut years: Vec<String> = (table.rows.rows.iter())
        .map(|row| row[year].clone())
        .map(|year| year.unwrap_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_owned()))
        .map(|year| format!("release_year={year}"))
        .collect();
    years.sort();
    years.dedup();
    let mut folders: Vec<String> = (table.files.iter())
        .map(|file| file.split_once('/').expect("a folder").0.to_owned())
        .collect();
    folders.sort();
    folders.dedup();
    assert_eq!(folders, years);
    assert!(folders.contains(&"release_year=__HIVE_DEFAULT_PARTITION__".to_owned()));
    assert!(table.files.iter().all(|f| f.ends_with(".zstd.parquet")));

    // A table without partitions in its place leaves no folders behind.
    let again = &arguments[..6];
    assert_code(&Cinemill::default().run(again).unwrap(), 0, &[]);
    assert_same(&whole(output.path()), reference());
    let folders = fs::read_dir(output.path()).unwrap().flatten();
    let hive: Vec<_> = folders
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().contains('='))
        .collect();
    assert!(hive.is_empty(), "empty folders: {hive:?}");
}

fn column(table: &Published, name: &str) -> usize {
    let mut columns = table.rows.columns.iter();
    columns.position(|(column, _)| column == name).unwrap()
}

#[test]
fn one_process_reads_and_writes_s3() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket(BUCKET).unwrap();
    put_into_bucket(&server, &sample(SIZE), "in");
    let cinemill = Cinemill::default().with_s3(&server);
    let mut arguments = vec![
        "run",
        JOB,
        "--input",
        "s3://lake/in",
        "--output",
        "s3://lake/out",
    ];
    assert_code(&cinemill.run(&arguments).unwrap(), 0, &["s3://lake/out"]);
    assert_same(&in_bucket(&server, "out"), reference());
    arguments.extend(["--partition-by", "release_year"]);
    assert_code(&cinemill.run(&arguments).unwrap(), 0, &[]);
    assert_same(&in_bucket(&server, "out"), reference());
    let show = [
        "show",
        "s3://lake/out",
        "--query",
        "SELECT count(*) AS n FROM imdb_titles",
    ];
    assert_code(&cinemill.run(&show).unwrap(), 0, &["20000"]);
}

#[test]
fn one_and_two_executors_agree() {
    for executors in [1, 2] {
        let cluster = Cluster::start(executors).unwrap();
        let output = TempDir::new().unwrap();
        let input = sample(SIZE);
        let (input, output_text) = (text(&input), text(output.path()));
        let ended = cluster
            .run(&["submit", JOB, "--input", input, "--output", output_text])
            .unwrap();
        let place = format!("cluster of {executors}");
        assert_code(&ended, 0, &["20000 rows", &place]);
        assert_same(&whole(output.path()), reference());
    }
}

#[test]
fn three_executors_agree_on_disk_and_on_s3() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(&folder.path().join("s3")).unwrap();
    server.create_bucket(BUCKET).unwrap();
    let packed = folder.path().join("gz");
    write_sample(SIZE, &packed, &["--gzip"]);
    put_into_bucket(&server, &sample(SIZE), "plain");
    put_into_bucket(&server, &packed, "gz");
    let cluster = Cluster::start_on_s3(3, &server).unwrap();

    let output = folder.path().join("out");
    let input = sample(SIZE);
    let local = [
        "submit",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    assert_code(
        &cluster.run(&local).unwrap(),
        0,
        &["cluster of 3 executors"],
    );
    assert_same(&whole(&output), reference());

    for (input, output) in [("plain", "one"), ("gz", "one"), ("gz", "two")] {
        let (input, url) = (format!("s3://lake/{input}"), format!("s3://lake/{output}"));
        let mut arguments = vec!["submit", JOB, "--input", &input, "--output", &url];
        if output == "two" {
            arguments.extend(["--partition-by", "release_year"]);
        }
        assert_code(&cluster.run(&arguments).unwrap(), 0, &[&url]);
        assert_same(&in_bucket(&server, output), reference());
    }
}
