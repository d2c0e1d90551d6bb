//! Inputs that must end in a clear error or in counted rejects.

use std::fs;
use std::io::Write;

use serde_json::Value;

use crate::fixture::{CREW, NAMES, RATINGS, Small, TITLES, assert_code, text, whole};

#[test]
fn a_missing_file_is_named() {
    let small = Small::new();
    small.remove(RATINGS);
    small.fails(&[], 12, &["title.ratings.tsv", "ratings", "hint:"]);
}

#[test]
fn a_missing_folder_is_named() {
    let small = Small::new();
    fs::remove_dir_all(small.input()).unwrap();
    small.fails(&[], 12, &[text(&small.input())]);
}

#[test]
fn a_single_input_that_is_missing_is_named() {
    let small = Small::new();
    let path = small.path().join("nowhere.tsv");
    let input = format!("crew={}", text(&path));
    small.fails(&["--input", &input], 12, &["nowhere.tsv", "does not exist"]);
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may read everything");
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let small = Small::new();
    let path = small.input().join(CREW);
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    small.fails(&[], 12, &[CREW]);
}

#[test]
fn a_header_without_a_needed_column_is_told_with_what_was_found() {
    let small = Small::with(RATINGS, b"tconst\taverageRating\tvotes\ntt1\t7.5\t12\n");
    small.fails(
        &[],
        12,
        &[RATINGS, "`numVotes`", "tconst, averageRating, votes"],
    );
}

#[test]
fn an_empty_file_is_told() {
    Small::with(NAMES, b"").fails(&[], 12, &[NAMES, "is empty"]);
}

#[test]
fn a_file_of_a_header_only_makes_a_valid_empty_table() {
    let small = Small::new();
    let titles = fs::read_to_string(small.input().join(TITLES)).unwrap();
    let header = titles.lines().next().unwrap();
    for end in ["\n", "", "\r\n"] {
        small.write(TITLES, format!("{header}{end}").as_bytes());
        assert_code(&small.run(&[]), 0, &["0 rows", "1 file "]);
        let table = whole(&small.output());
        assert_eq!((table.rows.rows.len(), table.files.len()), (0, 1));
        assert_eq!(table.rows.columns.len(), 18);
    }
}

/// Bad in one way each: too few fields, too many, bytes that are no UTF-8, a text for a number.
const BAD_TITLES: [(&[u8], &str); 4] = [
    (b"tt10\tmovie\tShort\n", "missing_fields"),
    (
        b"tt11\tmovie\tLong\tLong\t0\t1999\t\\N\t90\tDrama\tmore\n",
        "surplus_fields",
    ),
    (
        b"tt12\tmovie\tB\xe9d\tBad\t0\t1999\t\\N\t90\tDrama\n",
        "invalid_utf8",
    ),
    (
        b"tt13\tmovie\tText\tText\t0\tsoon\t\\N\t90\tDrama\n",
        "bad_value:startYear",
    ),
];

fn with_bad_titles() -> Small {
    let small = Small::new();
    for (record, _) in BAD_TITLES {
        small.append(TITLES, record);
    }
    small
}

/// The records that a run put aside.
fn rejects(small: &Small, run_id: &str) -> Vec<Value> {
    let folder = small.output().join("_rejects").join(run_id);
    let files = fs::read_dir(folder).unwrap().flatten();
    files
        .flat_map(|file| {
            let text = fs::read_to_string(file.path()).unwrap();
            let lines: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            lines
        })
        .collect()
}

#[test]
fn bad_records_are_kept_or_dropped_and_counted() {
    for (mode, rows) in [("permissive", 6), ("drop", 2)] {
        let small = with_bad_titles();
        let ended = small.run(&["--bad-records", mode, "--run-id", "odd"]);
        let told = format!("{rows} rows");
        assert_code(&ended, 0, &[&told, "4 rejects"]);
        for (_, reason) in BAD_TITLES {
            let line = format!("rejects: titles: {TITLES}: {reason}: 1");
            assert!(ended.says(&line), "no `{line}` in {}", ended.stderr);
        }
        let table = whole(&small.output());
        assert_eq!(table.rows.rows.len(), rows);
        let titles: Vec<_> = table.rows.rows.iter().map(|row| &row[1]).collect();
        let replaced = titles.contains(&&Some("B\u{fffd}d".to_owned()));
        assert_eq!(replaced, mode == "permissive");

        let rejects = rejects(&small, "odd");
        assert_eq!(rejects.len(), BAD_TITLES.len());
        for (record, reason) in BAD_TITLES {
            let found = rejects.iter().find(|r| r["reasons"][0] == reason).unwrap();
            let record = record.strip_suffix(b"\n").unwrap();
            assert_eq!(found["record"], String::from_utf8_lossy(record).as_ref());
            assert_eq!(found["input"], "titles");
        }
        let record = fs::read(small.output().join("_runs/odd.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["summary"]["rejects"], 4);
    }
}

#[test]
fn bad_records_are_refused_when_told_so() {
    for (record, reason) in BAD_TITLES {
        let small = Small::new();
        small.append(TITLES, record);
        let word = reason.rsplit(':').next().unwrap();
        let ended = small.fails(&["--bad-records", "fail"], 12, &[TITLES]);
        let told = ended.stderr.to_lowercase().replace([' ', '-'], "_");
        assert!(told.contains(&word.to_lowercase()) || ended.says("field") || ended.says("UTF-8"));
    }
}

#[test]
fn a_truncated_gzip_file_is_told() {
    let small = Small::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let header = fs::read(small.input().join(NAMES)).unwrap();
    packed.write_all(&header).unwrap();
    for number in 100..20_000 {
        let hash = number * 2_654_435_761_u64 % 1_000_003;
        writeln!(packed, "nm{number}\tName {hash}\t\\N\t\\N\t\\N\t\\N").unwrap();
    }
    let packed = packed.finish().unwrap();
    small.remove(NAMES);
    let name = format!("{NAMES}.gz");
    small.write(&name, &packed[..packed.len() - 4000]);
    small.fails(&[], 12, &[&name, "ends in the middle"]);

    // Whole, it is fine.
    small.write(&name, &packed);
    assert_code(&small.run(&[]), 0, &["0 rejects"]);
}

#[test]
fn a_huge_line_is_told() {
    let small = Small::new();
    let path = small.input().join(TITLES);
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"tt9\tmovie\t").unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        file.write_all(&block).unwrap();
    }
    small.fails(&[], 12, &[TITLES, "longer than", "hint:"]);
}

#[test]
fn a_repeated_key_is_an_expectation_that_failed() {
    let repeat = |prefix: &str, rest: &str| {
        let line = |n: u32| format!("{prefix}{n}{rest}\n");
        // Twelve keys, each twice.
        let lines: String = (50..62).flat_map(|n| [line(n), line(n)]).collect();
        lines
    };
    let title = "\tmovie\tA\tA\t0\t1999\t\\N\t90\tDrama";
    for (name, input, lines) in [
        (TITLES, "titles.tconst", repeat("tt", title)),
        (CREW, "crew.tconst", repeat("tt", "\tnm1\t\\N")),
        (RATINGS, "ratings.tconst", repeat("tt", "\t5.0\t7")),
        (
            NAMES,
            "names.nconst",
            repeat("nm", "\tC\t\\N\t\\N\t\\N\t\\N"),
        ),
    ] {
        let small = Small::new();
        small.append(name, lines.as_bytes());
        let prefix = &lines[..2];
        let keys = [format!("{prefix}50"), format!("{prefix}59")];
        let ended = small.fails(
            &[],
            11,
            &[input, &keys[0], &keys[1], "is unique` does not hold"],
        );
        // Ten keys are shown, no more.
        assert!(!ended.says(&format!("{prefix}60")), "{}", ended.stderr);
    }
}

#[test]
fn a_title_without_a_key_and_a_negative_rating_are_expectations_that_failed() {
    let small = Small::new();
    small.append(TITLES, b"\\N\tmovie\tA\tA\t0\t1999\t\\N\t90\tDrama\n");
    small.fails(&[], 11, &["title_key is not null"]);

    let small = Small::with(RATINGS, b"tconst\taverageRating\tnumVotes\ntt1\t-7.5\t12\n");
    small.fails(&[], 11, &["average_rating is not negative", "tt1"]);
}
