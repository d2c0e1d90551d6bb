//! Times on the command line.

use std::time::Duration;

/// Reads whole seconds, minutes or hours: `90`, `30s`, `10m`, `2h`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let unit = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let (number, unit_s) = unit.unwrap_or((text, 1));
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_s))
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| "give a time such as 90, 30s, 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90", 90), ("30s", 30), ("10m", 600), ("2h", 7200)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "s",
            "0",
            "0m",
            "-1",
            "1.5h",
            "2d",
            "5 m",
            "99999999999999999h",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
