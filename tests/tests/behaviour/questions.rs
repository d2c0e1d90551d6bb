//! `docs/questions.md` and its charts are what `docs/questions.sh` makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use cinemill_tests::processes::binary;

use crate::fixture::text;

fn files(folder: &Path) -> BTreeMap<String, String> {
    let answers = fs::read_dir(folder.join("answers")).unwrap().flatten();
    let mut paths: Vec<_> = answers.map(|entry| entry.path()).collect();
    paths.push(folder.join("questions.md"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn the_answers_are_those_of_the_sample() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let made = tempfile::tempdir().unwrap();
    let script = Command::new("bash")
        .args([
            text(&docs.join("questions.sh")),
            text(&binary("cinemill").unwrap()),
            text(made.path()),
        ])
        .output()
        .unwrap();
    assert!(
        script.status.success(),
        "{}",
        String::from_utf8_lossy(&script.stderr)
    );
    let (made, kept) = (files(made.path()), files(&docs));
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept));
    for (name, text) in &made {
        let line = text
            .lines()
            .zip(kept[name].lines())
            .find(|(made, kept)| made != kept);
        assert!(
            text == &kept[name],
            "{name}: {line:?}; run docs/questions.sh and look at it"
        );
    }
}
