//! How often, and after which pauses, a download is tried again.

use std::time::Duration;

use rand::Rng;

/// How many times in a row a download may fail without having come any further.
const TRIES: u32 = 6;
/// How many times it may fail at all: a server that breaks off after every byte is of no use.
const TRIES_TOTAL: u32 = 100;
/// The pause after the first failure; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// A server that asks for a longer pause than this is not waited for so long.
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Tries {
    in_a_row: u32,
    total: u32,
}

impl Tries {
    /// The pause before the next try, which is at least as long as the server asked for; `None`
    /// where there is to be none.
    pub fn pause(&mut self, came_further: bool, asked: Option<Duration>) -> Option<Duration> {
        self.total += 1;
        self.in_a_row = if came_further { 1 } else { self.in_a_row + 1 };
        if self.in_a_row >= TRIES || self.total >= TRIES_TOTAL {
            return None;
        }
        let pause = PAUSE_FIRST * 2_u32.pow(self.in_a_row - 1);
        let jitter = rand::rng().random_range(0.5..1.5);
        let asked = asked.unwrap_or_default();
        Some(pause.mul_f64(jitter).max(asked).min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_bounded_unless_bytes_come() {
        let mut tries = Tries::default();
        let pauses = (0..TRIES).map_while(|_| tries.pause(false, None)).count();
        assert_eq!(pauses, 5);
        let mut tries = Tries::default();
        let pauses = (0..1000).map_while(|_| tries.pause(true, None)).count();
        assert_eq!(pauses, 99);
    }

    #[test]
    fn servers_are_heeded_within_limits() {
        let pause = |asked| Tries::default().pause(false, Some(Duration::from_secs(asked)));
        assert_eq!(pause(7), Some(Duration::from_secs(7)));
        assert_eq!(pause(7200), Some(PAUSE_MAX));
        let short = pause(0);
        assert!(
            short.is_some_and(|pause| pause < PAUSE_FIRST * 2),
            "{short:?}"
        );
    }
}
