//! `cinemill gc`: removes what crashed runs left in the folder of a table.

use std::collections::BTreeMap;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{GarbageKind, GcOptions, GcReport, Table};
use cinemill_engine::store::Location;
use cinemill_jobs::run::{AbandonedCheckpoints, abandoned_checkpoints, remove_checkpoints};
use clap::Args;
use serde::Serialize;

use super::output;

#[derive(Debug, Args)]
pub struct GcArguments {
    /// Folder of the table, local or s3://….
    output: String,

    /// Age of uploads and parts that no run is known to have left, such as 90m, 24h or 7d.
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = age)]
    older_than: Duration,

    /// Only tell what would be removed.
    #[arg(long)]
    dry_run: bool,

    /// Print JSON, with the path of each file and upload.
    #[arg(long)]
    json: bool,
}

pub async fn gc(arguments: GcArguments) -> Result<()> {
    let table = Table::open(Location::parse(&arguments.output)?)?;
    let options = GcOptions {
        older_than: arguments.older_than,
        dry_run: arguments.dry_run,
    };
    let checkpoints = abandoned_checkpoints(&table).await?;
    let report = table.gc(options).await?;
    if !report.dry_run {
        for abandoned in &checkpoints {
            remove_checkpoints(&table, &abandoned.run_id).await;
        }
    }
    match arguments.json {
        true => print_json(&report, &checkpoints),
        false => {
            print(&table, &report, &checkpoints);
            Ok(())
        }
    }
}

fn print(table: &Table, report: &GcReport, checkpoints: &[AbandonedCheckpoints]) {
    for AbandonedCheckpoints {
        run_id,
        files,
        bytes,
    } in checkpoints
    {
        output::line(format!(
            "checkpoints of dead run {run_id}: {files} files, {bytes} bytes"
        ));
    }
    let mut kinds: BTreeMap<GarbageKind, (u64, u64)> = BTreeMap::new();
    for found in &report.garbage {
        let (count, bytes) = kinds.entry(found.kind).or_default();
        *count += 1;
        *bytes += found.bytes;
    }
    for (kind, (count, bytes)) in kinds {
        output::line(format!("{}: {count}, {bytes} bytes", words(kind)));
    }
    for run in &report.living_runs {
        output::note(format!("run {run} is going on; its files stay"));
    }
    let GcReport {
        files,
        bytes,
        uploads,
        ..
    } = report;
    let done = match report.dry_run {
        true => "would remove",
        false => "removed",
    };
    let place = table.location();
    output::line(format!(
        "{done} {files} files of {bytes} bytes and {uploads} uploads in {place}"
    ));
}

fn words(kind: GarbageKind) -> &'static str {
    match kind {
        GarbageKind::Upload => "unfinished uploads",
        GarbageKind::Staged => "hidden files of dead runs",
        GarbageKind::OldPart => "parts of the snapshot before",
        GarbageKind::UnlistedPart => "parts that no snapshot lists",
        GarbageKind::Rejects => "rejects of runs that published nothing",
        GarbageKind::Temporary => "half-written files",
        GarbageKind::CopyManifest => "manifests of loads that crashed",
    }
}

#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    report: &'a GcReport,
    checkpoints: &'a [AbandonedCheckpoints],
}

fn print_json(report: &GcReport, checkpoints: &[AbandonedCheckpoints]) -> Result<()> {
    let found = Found {
        report,
        checkpoints,
    };
    let json = serde_json::to_string_pretty(&found)
        .map_err(|cause| Error::new(Kind::Final, "print", "JSON", cause))?;
    output::line(json);
    Ok(())
}

/// `30s`, `90m`, `24h` or `7d`.
fn age(text: &str) -> Result<Duration, String> {
    let unit_s = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    match number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(unit_s))
    {
        Some(seconds) if unit_s > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("give a number and a unit, as in 30s, 90m, 24h or 7d".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(age("24h").unwrap(), Duration::from_secs(86400));
        assert_eq!(age("0s").unwrap(), Duration::ZERO);
        assert_eq!(age("7d").unwrap().as_secs(), 7 * 86400);
        for wrong in [
            "",
            "24",
            "h",
            "1.5h",
            "1w",
            "-1h",
            "ü",
            "99999999999999999999d",
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
