//! Limits how many tool calls are printed, so that a client that calls in a loop does not fill the
//! terminal and does not slow mcpo down.

use std::time::{Duration, Instant};

/// How many calls are printed in each period.
const MAX_CALLS: u32 = 20;
const PERIOD: Duration = Duration::from_secs(1);

/// The calls of the current period.
#[derive(Debug, Default)]
pub struct CallLimit {
    since: Option<Instant>,
    calls: u32,
}

/// What to print for a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// The call, after the number of calls that were not printed before it.
    After(u32),
    /// Nothing.
    Nothing,
}

impl CallLimit {
    /// Returns when the number of calls that were not printed must be printed, if there are any.
    pub fn deadline(&self) -> Option<Instant> {
        self.since
            .filter(|_| self.calls > MAX_CALLS)
            .map(|since| since + PERIOD)
    }

    /// Ends the period. Returns the number of calls that were not printed.
    pub fn end(&mut self) -> u32 {
        std::mem::take(self).calls.saturating_sub(MAX_CALLS)
    }

    /// Counts a call.
    pub fn count(&mut self, now: Instant) -> Shown {
        let is_same_period = self
            .since
            .is_some_and(|since| now.duration_since(since) < PERIOD);
        if is_same_period {
            self.calls += 1;
            return if self.calls <= MAX_CALLS {
                Shown::After(0)
            } else {
                Shown::Nothing
            };
        }
        let left_out = self.end();
        *self = Self {
            since: Some(now),
            calls: 1,
        };
        Shown::After(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_above_the_limit_are_counted_and_not_shown() {
        let (mut limit, began) = (CallLimit::default(), Instant::now());
        for _ in 0..MAX_CALLS {
            assert_eq!(limit.count(began), Shown::After(0));
        }
        assert_eq!(limit.count(began), Shown::Nothing);
        assert_eq!(limit.count(began), Shown::Nothing);
        assert_eq!(limit.count(began + PERIOD), Shown::After(2));
        assert_eq!(limit.count(began + PERIOD * 2), Shown::After(0));
    }

    #[test]
    fn calls_left_out_of_the_last_period_are_counted_when_it_ends() {
        let (mut limit, began) = (CallLimit::default(), Instant::now());
        for _ in 0..MAX_CALLS {
            limit.count(began);
        }
        assert_eq!(limit.deadline(), None);
        limit.count(began);
        assert_eq!(limit.deadline(), Some(began + PERIOD));
        assert_eq!(limit.end(), 1);
        assert_eq!((limit.deadline(), limit.end()), (None, 0));
    }
}
