//! Logs of all processes: to standard error, in words for a person, or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Begins to log. `CINEMILL_LOG` filters (`info`, `cinemill_engine=debug`, …) and
/// `CINEMILL_LOG_FORMAT=json` makes each line a JSON object.
pub fn init() {
    init_with("info,ballista=warn,datafusion=warn");
}

/// As [`init`], with another filter where the environment sets none.
pub fn init_with(default_filter: &str) {
    let filter =
        EnvFilter::try_from_env("CINEMILL_LOG").unwrap_or_else(|_| EnvFilter::new(default_filter));
    let json = std::env::var("CINEMILL_LOG_FORMAT").is_ok_and(|format| format == "json");
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second call (in a test, say) leaves the first one's settings in place.
    let _ = if json {
        logs.json().try_init()
    } else {
        logs.try_init()
    };
}
