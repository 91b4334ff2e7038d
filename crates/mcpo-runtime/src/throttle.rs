//! Slowing down whoever guesses passwords or floods an endpoint.
//!
//! Counters live in memory and are bounded: the cache forgets the least used entry when it is
//! full. An attempt counts before it is checked, so that guessing in parallel gains nothing.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use quick_cache::unsync::Cache;

use crate::clock::Timestamp;

/// How many keys are remembered of each kind.
const CAPACITY: usize = 10_000;
/// An entry that was quiet for so long starts anew.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

/// After so many failures each further one doubles the wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) free: u32,
    pub(crate) longest_wait: Duration,
}

/// A person mistypes a few times; a guesser ends up with four tries an hour.
pub(crate) const PER_SOURCE: Limit = Limit {
    free: 5,
    longest_wait: Duration::from_secs(15 * 60),
};
/// Guesses from everywhere at once. The wait is short, or anyone could lock the owner out.
pub(crate) const PER_ACCOUNT: Limit = Limit {
    free: 20,
    longest_wait: Duration::from_secs(30),
};

/// Where a request comes from, as coarse as an attacker can change it for free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub(crate) const fn address(self) -> IpAddr {
        self.0
    }

    /// IPv6 addresses count by their /64, which is what one subscriber gets.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let prefix = u128::from(v6) & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from(prefix)))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// Attempts by account and by source.
pub(crate) struct Throttle {
    entries: Mutex<Cache<Key, Entry>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Source(Source),
}

#[derive(Clone, Copy)]
struct Entry {
    failures: u32,
    last: Timestamp,
}

impl Entry {
    fn wait(self, limit: Limit, now: Timestamp) -> Duration {
        let Some(over) = self.failures.checked_sub(limit.free) else {
            return Duration::ZERO;
        };
        let wait = Duration::from_secs(1 << over.min(20)).min(limit.longest_wait);
        wait.saturating_sub(now.since(self.last))
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            entries: Mutex::new(Cache::new(CAPACITY)),
        }
    }

    /// Counts an attempt; an error says how long to wait before the next one.
    pub(crate) fn attempt(
        &self,
        account: &str,
        source: Source,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let keys = [
            (Key::Source(source), PER_SOURCE),
            (Key::Account(account.to_owned()), PER_ACCOUNT),
        ];
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let current = keys.map(|(key, limit)| {
            let found = entries.get(&key).copied();
            let fresh = found.filter(|entry| now.since(entry.last) < FORGET_AFTER);
            let entry = fresh.unwrap_or(Entry {
                failures: 0,
                last: now,
            });
            (key, limit, entry)
        });
        let longest = current
            .iter()
            .map(|(_, limit, entry)| entry.wait(*limit, now))
            .max();
        if let Some(wait) = longest.filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        for (key, _, entry) in current {
            let failures = entry.failures.saturating_add(1);
            entries.insert(
                key,
                Entry {
                    failures,
                    last: now,
                },
            );
        }
        Ok(())
    }

    /// The attempt was good: its source and account start anew.
    pub(crate) fn success(&self, account: &str, source: Source) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&Key::Source(source));
        entries.remove(&Key::Account(account.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn as21_waits_grow_for_a_source_and_end() {
        let throttle = Throttle::new();
        let here = source("192.0.2.1");
        let mut now = Timestamp(1000);
        for _ in 0..5 {
            assert!(throttle.attempt("admin", here, now).is_ok());
        }
        assert_eq!(
            throttle.attempt("admin", here, now),
            Err(Duration::from_secs(1))
        );
        now = now.plus(Duration::from_secs(1));
        assert!(throttle.attempt("admin", here, now).is_ok());
        assert_eq!(
            throttle.attempt("admin", here, now),
            Err(Duration::from_secs(2))
        );
        // Others are not in the way.
        assert!(throttle.attempt("admin", source("192.0.2.2"), now).is_ok());
        now = now.plus(FORGET_AFTER);
        assert!(throttle.attempt("admin", here, now).is_ok());
    }

    #[test]
    fn as21_an_account_is_guarded_from_all_sources_together() {
        let throttle = Throttle::new();
        let now = Timestamp(1000);
        for number in 0..20 {
            let from = source(&format!("192.0.2.{number}"));
            assert!(throttle.attempt("admin", from, now).is_ok());
        }
        let wait = throttle.attempt("admin", source("198.51.100.1"), now);
        assert_eq!(wait, Err(Duration::from_secs(1)));
        assert!(
            throttle
                .attempt("other", source("198.51.100.1"), now)
                .is_ok()
        );
    }

    #[test]
    fn as21_success_starts_anew_and_ipv6_counts_by_prefix() {
        let throttle = Throttle::new();
        let now = Timestamp(1000);
        for number in 0..5 {
            let from = source(&format!("2001:db8::{number}"));
            assert!(throttle.attempt("a", from, now).is_ok());
        }
        assert!(throttle.attempt("a", source("2001:db8::9"), now).is_err());
        throttle.success("a", source("2001:db8::1"));
        assert!(throttle.attempt("a", source("2001:db8::9"), now).is_ok());
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
