//! Outputs that cannot be written.

use std::fs;
use std::path::Path;
use std::process::Command;

use cinemill_tests::processes::Cinemill;

use crate::fixture::{
    JOB, Small, assert_fails, assert_nothing_published, assert_same, sample, text, whole,
    write_sample,
};

#[test]
fn an_output_below_a_file_is_told() {
    let small = Small::new();
    fs::write(small.path().join("file"), "no folder").unwrap();
    let (input, output) = (small.input(), small.path().join("file/out"));
    let run = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    let ended = Cinemill::default().run(&run).unwrap();
    assert_fails(&ended, 21, &[text(&output)]);
    let content = fs::read_to_string(small.path().join("file")).unwrap();
    assert_eq!(content, "no folder");
}

#[test]
fn an_output_that_may_not_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let small = Small::new();
    fs::create_dir(small.output()).unwrap();
    fs::set_permissions(small.output(), fs::Permissions::from_mode(0o555)).unwrap();
    let ended = small.run(&[]);
    assert_fails(&ended, 21, &[text(&small.output())]);
    assert_nothing_published(&small.output());
}

/// A small disk, where this user may make one.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        let arguments = ["-t", "tmpfs", "-o", size, "tmpfs", text(folder)];
        let mounted = Command::new("mount").args(arguments).output();
        mounted
            .is_ok_and(|m| m.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_the_table() {
    let small = Small::new();
    let disk = small.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let Some(_disk) = Disk::mount(&disk, "size=3m") else {
        eprintln!("skipped: this user may not mount");
        return;
    };
    let output = disk.join("out");
    let run = |input: &Path| {
        Cinemill::default()
            .run(&[
                "run",
                JOB,
                "--input",
                text(input),
                "--output",
                text(&output),
            ])
            .unwrap()
    };
    // Into an empty folder.
    let large = sample(100_000);
    assert_fails(&run(&large), 20, &["o space left"]);
    assert_nothing_published(&output);

    // Over a table.
    let medium = small.path().join("medium");
    write_sample(10_000, &medium, &[]);
    crate::fixture::assert_code(&run(&medium), 0, &[]);
    let before = whole(&output);
    assert_fails(&run(&large), 20, &["o space left"]);
    let after = whole(&output);
    assert_eq!(after.run_id, before.run_id);
    assert_same(&after, &before);
}
