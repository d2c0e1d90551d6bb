//! Timestamps as texts.

use std::str::FromStr;

use chrono::{FixedOffset, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use datafusion::arrow::array::timezone::Tz;

/// Spark's cast of a text to a timestamp, as microseconds since 1970: a date, or a date and a time
/// with `T` or a blank between them, down to what fractions of a second there are, and then a
/// zone. Without a zone the time is in UTC, which is the session's.
///
/// Times without a date, which Spark places on the current day, are none here.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim_matches(|c: char| c <= '\u{20}' || c == '\u{7f}');
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let parts: Vec<&str> = date
        .strip_prefix(['+', '-'])
        .unwrap_or(date)
        .split('-')
        .collect();
    let date = match (parts.as_slice(), time) {
        ([year], None) => (*year, "1", "1"),
        ([year, month], None) => (*year, *month, "1"),
        ([year, month, day], _) => (*year, *month, *day),
        _ => return None,
    };
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let year = i32::try_from(number(date.0, 4..=6)?).ok()? * sign;
    let day = NaiveDate::from_ymd_opt(year, number(date.1, 1..=2)?, number(date.2, 1..=2)?)?;
    match time.map(str::trim_end).filter(|time| !time.is_empty()) {
        None => Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros()),
        Some(time) => at(day, time),
    }
}

/// Digits alone, as many as allowed.
fn number(digits: &str, allowed: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && allowed.contains(&digits.len())).then_some(())?;
    digits.parse().ok()
}

/// `h[h][:m[m][:s[s][.fraction][zone]]]`.
fn at(day: NaiveDate, time: &str) -> Option<i64> {
    let mut parts = time.splitn(3, ':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = parts.next().map_or(Some(0), |part| number(part, 1..=2))?;
    let rest = parts.next().unwrap_or("0");
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let (second, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let second = number(second, 1..=2)?;
    let (micros, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            let (fraction, zone) = rest.split_at(end.unwrap_or(rest.len()));
            // What is smaller than a microsecond is cut off.
            let micros = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
            (micros, zone)
        }
        None => (0, rest),
    };
    let local = day.and_hms_micro_opt(hour, minute, second, micros)?;
    in_zone(local, zone.trim())
}

fn in_zone(local: NaiveDateTime, zone: &str) -> Option<i64> {
    let utc = |local: NaiveDateTime| local.and_utc().timestamp_micros();
    let offset = ["UTC", "GMT", "UT"]
        .into_iter()
        .find_map(|prefix| zone.strip_prefix(prefix))
        .unwrap_or(zone);
    if offset.is_empty() || zone == "Z" {
        return Some(utc(local));
    }
    if offset.starts_with(['+', '-']) {
        let east = offset_of(offset)?;
        return Some(utc(local.checked_sub_signed(TimeDelta::seconds(
            east.local_minus_utc().into(),
        ))?));
    }
    let zone = Tz::from_str(zone).ok()?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => {
            Some(time.timestamp_micros())
        }
        // A clock that is put forward jumps over this time; it counts from before the jump.
        LocalResult::None => {
            let before = local.checked_sub_signed(TimeDelta::hours(1))?;
            let time = zone.from_local_datetime(&before).earliest()?;
            Some(
                time.checked_add_signed(TimeDelta::hours(1))?
                    .timestamp_micros(),
            )
        }
    }
}

/// `+h`, `+hh`, `+hhmm`, `+h:m`, `+hh:mm:ss`, up to 18 hours.
fn offset_of(text: &str) -> Option<FixedOffset> {
    let digits = &text[1..];
    let parts: Vec<&str> = match digits.split(':').collect::<Vec<_>>()[..] {
        [compact] if compact.len() == 4 && compact.is_ascii() => {
            vec![&compact[..2], &compact[2..]]
        }
        ref parts if parts.len() <= 3 => parts.to_vec(),
        _ => return None,
    };
    let mut seconds = 0;
    for (part, unit) in parts.into_iter().zip([3600, 60, 1]) {
        let value = number(part, 1..=2).filter(|value| unit == 3600 || *value < 60)?;
        seconds += i32::try_from(value).ok()? * unit;
    }
    let seconds = Some(seconds).filter(|seconds| *seconds <= 18 * 3600)?;
    FixedOffset::east_opt(if text.starts_with('-') {
        -seconds
    } else {
        seconds
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        for (text, micros) in [
            ("1970-01-01 00:00:01", 1_000_000),
            (" 1970-1-1T0:0:1.5 ", 1_500_000),
            ("1970-01-01 00:00:00.1234567", 123_456),
            ("1970-01-02", 86_400_000_000),
            ("1970", 0),
            ("1970-01-01 01", 3_600_000_000),
            ("1970-01-01 00:01", 60_000_000),
            ("1970-01-01 00:00:00Z", 0),
            ("1970-01-01 00:00:00.5+01:00", -3_599_500_000),
            ("1970-01-01 00:00:00 UTC-1", 3_600_000_000),
            ("1970-01-01 00:00:00 +0130", -5_400_000_000),
            ("1970-01-01 01:00:00 Europe/Berlin", 0),
            // The clock jumps from 2:00 to 3:00.
            ("2021-03-28 02:30:00 Europe/Berlin", 1_616_895_000_000_000),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
        for text in [
            "",
            "70",
            "1970-13-01",
            "1970-01-01X",
            "1970-01-01 24:00:00",
            "1970-01-01 1:2:3:4",
            "1970-01-01 00:00:00 Nowhere",
            "1970-01-01 0000",
            "12:30:00",
            "1970-01 10:00:00",
            "1970-01-01 00:00:00+19:00",
            "1970-01-01 00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
