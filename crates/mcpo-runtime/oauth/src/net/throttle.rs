//! Slows down clients that guess passwords.
//!
//! The counters are kept in memory. Their number is limited: when the cache is full, it forgets the
//! least used one. An attempt is counted before it is checked, so parallel guesses gain nothing.
//!
//! Three kinds of counters keep guesses rare without locking the owner out:
//!
//! - A browser that has signed in before has its own counter, so other clients never slow it down.
//! - Every other attempt counts for its source address.
//! - All of these attempts together also count for the account. While the account's limit is
//!   reached, a source with almost no failures still gets its first attempts. They come from an
//!   allowance that all such sources share.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use quick_cache::unsync::Cache;

use crate::base::clock::Timestamp;

/// The maximum number of counters.
const MAX_COUNTERS: usize = 10_000;
/// A counter without an attempt for this long starts again at zero.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

/// After `free` failures, each further failure doubles the wait.
#[derive(Clone, Copy, Debug)]
struct Limit {
    free: u32,
    longest_wait: Duration,
}

/// A user mistypes a few times. An attacker gets four attempts per hour.
const PER_SOURCE: Limit = Limit {
    free: 5,
    longest_wait: Duration::from_secs(15 * 60),
};
/// The limit for all addresses together.
const PER_ACCOUNT: Limit = Limit {
    free: 20,
    longest_wait: Duration::from_secs(30),
};
/// A source with fewer failures than this may try even if the account's limit is reached.
const TRIES_OF_A_NEW_SOURCE: u32 = 2;
/// The size of the allowance for such attempts, and how fast it refills (360 per hour).
const NEW_SOURCES_BURST: f64 = 200.0;
const NEW_SOURCES_PER_SECOND: f64 = 0.1;

/// The origin of a request, reduced to the part that an attacker cannot change for free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// Returns the address, or the first address of the network that counts as one source.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// IPv6 addresses are reduced to their /64, which is what one subscriber gets.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let prefix = u128::from(v6) & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from(prefix)))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// The id of a browser that has signed in before.
pub(crate) type KnownBrowserId = [u8; 16];

/// An attempt to sign in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The account, if the form names one.
    pub(crate) account: &'a str,
    pub(crate) source: Source,
    /// The browser, if a user has signed in there before.
    pub(crate) browser: Option<KnownBrowserId>,
}

/// Counts attempts by browser, source and account.
pub(crate) struct Throttle(Mutex<Counters>);

struct Counters {
    entries: Cache<Key, Entry>,
    /// The attempts that are left for new sources, and when that was computed.
    allowance: (f64, Timestamp),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Browser(KnownBrowserId),
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

impl Counters {
    fn entry(&self, key: &Key, now: Timestamp) -> Entry {
        let found = self.entries.peek(key).copied();
        let current = found.filter(|entry| now.since(entry.last) < FORGET_AFTER);
        current.unwrap_or(Entry {
            failures: 0,
            last: now,
        })
    }

    fn count(&mut self, key: Key, now: Timestamp) {
        let failures = self.entry(&key, now).failures.saturating_add(1);
        let last = now;
        self.entries.insert(key, Entry { failures, last });
    }

    /// Takes one attempt from the allowance for new sources, if any are left.
    #[expect(
        clippy::cast_precision_loss,
        reason = "hours are small numbers of seconds"
    )]
    fn take_from_allowance(&mut self, now: Timestamp) -> bool {
        let (left, since) = self.allowance;
        let elapsed = now.since(since).as_secs() as f64;
        let left = (left + elapsed * NEW_SOURCES_PER_SECOND).min(NEW_SOURCES_BURST);
        let is_allowed = left >= 1.0;
        self.allowance = (if is_allowed { left - 1.0 } else { left }, now);
        is_allowed
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Counters {
            entries: Cache::new(MAX_COUNTERS),
            allowance: (NEW_SOURCES_BURST, Timestamp(0)),
        }))
    }

    /// Counts an attempt. The error is how long the client must wait before the next one.
    pub(crate) fn attempt(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<(), Duration> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = attempt.own_key();
        let own_entry = counters.entry(&own, now);
        let wait = own_entry.wait(PER_SOURCE, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        if attempt.browser.is_none() {
            let account = Key::Account(attempt.account.to_owned());
            let wait = counters.entry(&account, now).wait(PER_ACCOUNT, now);
            let is_new = own_entry.failures < TRIES_OF_A_NEW_SOURCE;
            let may_try = wait.is_zero() || (is_new && counters.take_from_allowance(now));
            if !may_try {
                return Err(wait);
            }
            counters.count(account, now);
        }
        counters.count(own, now);
        Ok(())
    }

    /// Forgets the failures of a successful attempt, but not those of others.
    pub(crate) fn success(&self, attempt: Attempt<'_>) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entries.remove(&attempt.own_key());
        if attempt.browser.is_none() {
            let account = Key::Account(attempt.account.to_owned());
            if let Some(mut entry) = counters.entries.get_mut(&account) {
                entry.failures = entry.failures.saturating_sub(1);
            }
            counters.allowance.0 = (counters.allowance.0 + 1.0).min(NEW_SOURCES_BURST);
        }
    }
}

impl Attempt<'_> {
    /// Returns the key of the counter that belongs to this client alone.
    const fn own_key(&self) -> Key {
        match self.browser {
            Some(browser) => Key::Browser(browser),
            None => Key::Source(self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    fn from(text: &str) -> Attempt<'static> {
        Attempt {
            account: "admin",
            source: source(text),
            browser: None,
        }
    }

    #[test]
    fn as21_wait_of_a_source_grows_and_expires() {
        let throttle = Throttle::new();
        let here = from("192.0.2.1");
        let mut now = Timestamp(1000);
        for _ in 0..5 {
            assert!(throttle.attempt(here, now).is_ok());
        }
        assert_eq!(throttle.attempt(here, now), Err(Duration::from_secs(1)));
        now = now.plus(Duration::from_secs(1));
        assert!(throttle.attempt(here, now).is_ok());
        assert_eq!(throttle.attempt(here, now), Err(Duration::from_secs(2)));
        // Other sources are not slowed down.
        assert!(throttle.attempt(from("192.0.2.2"), now).is_ok());
        now = now.plus(FORGET_AFTER);
        assert!(throttle.attempt(here, now).is_ok());
    }

    #[test]
    fn as21_attempts_for_an_account_are_limited_across_sources() {
        let throttle = Throttle::new();
        let now = Timestamp(1000);
        let mut allowed = 0;
        for number in 0..1000 {
            let address = format!("10.0.{}.{}", number / 250, number % 250);
            allowed += u32::from(throttle.attempt(from(&address), now).is_ok());
        }
        // The attempts of the account, and the allowance of all new sources.
        assert_eq!(allowed, 20 + 200);
        let other = Attempt {
            account: "other",
            ..from("198.51.100.1")
        };
        assert!(throttle.attempt(other, now).is_ok());
    }

    #[test]
    fn as21_owner_can_sign_in_while_sixty_addresses_guess() {
        let throttle = Throttle::new();
        let owner = from("198.51.100.1");
        for second in 0..3600 {
            let now = Timestamp(1000 + second);
            for number in 0..60 {
                let _ = throttle.attempt(from(&format!("192.0.2.{number}")), now);
            }
            let attempt = throttle.attempt(owner, now);
            assert!(attempt.is_ok(), "second {second}: {attempt:?}");
            throttle.success(owner);
        }
    }

    #[test]
    fn as21_known_browser_has_a_separate_limit() {
        let throttle = Throttle::new();
        let now = Timestamp(1000);
        // All clients have the same address, as behind a proxy that is not trusted.
        while throttle.attempt(from("127.0.0.1"), now).is_ok() {}
        let owner = Attempt {
            browser: Some([7; 16]),
            ..from("127.0.0.1")
        };
        for _ in 0..5 {
            assert!(throttle.attempt(owner, now).is_ok());
        }
        assert!(throttle.attempt(owner, now).is_err());
        throttle.success(owner);
        assert!(throttle.attempt(owner, now).is_ok());
        assert!(throttle.attempt(from("127.0.0.1"), now).is_err());
    }

    #[test]
    fn as21_success_resets_a_source_and_ipv6_is_counted_by_prefix() {
        let throttle = Throttle::new();
        let now = Timestamp(1000);
        for number in 0..5 {
            assert!(
                throttle
                    .attempt(from(&format!("2001:db8::{number}")), now)
                    .is_ok()
            );
        }
        assert!(throttle.attempt(from("2001:db8::9"), now).is_err());
        throttle.success(from("2001:db8::1"));
        assert!(throttle.attempt(from("2001:db8::9"), now).is_ok());
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
