//! Rate limits: a token bucket per key, in bounded memory.

use std::{
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use quick_cache::unsync::Cache;

/// How many sources or grants are tracked. The least used one is dropped.
const MAX_BUCKETS: usize = 10_000;

/// The size of a bucket and its refill rate.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    burst: f64,
    per_second: f64,
}

impl Rate {
    pub(crate) const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second }
    }
}

/// A token bucket for each key.
pub(crate) struct RateLimit<K> {
    rate: Rate,
    buckets: Mutex<Cache<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    filled_at: Instant,
}

impl<K: Copy + Eq + Hash> RateLimit<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::new(Cache::new(MAX_BUCKETS)),
        }
    }

    /// Takes one token from the bucket of `key`. Returns false if the bucket is empty.
    pub(crate) fn allow(&self, key: K, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Bucket {
            level: self.rate.burst,
            filled_at: now,
        };
        let bucket = buckets.get(&key).copied().unwrap_or(full);
        let elapsed = now.saturating_duration_since(bucket.filled_at);
        let level = bucket.level + elapsed.as_secs_f64() * self.rate.per_second;
        let level = level.min(self.rate.burst);
        let allowed = level >= 1.0;
        let bucket = Bucket {
            level: if allowed { level - 1.0 } else { level },
            filled_at: now,
        };
        buckets.insert(key, bucket);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::throttle::Source;

    #[test]
    fn as13_token_bucket_empties_and_refills() {
        let limit = RateLimit::new(Rate::new(3.0, 1.0));
        let source = |text: &str| Source::of(text.parse().unwrap());
        let (one, two) = (source("192.0.2.1"), source("192.0.2.2"));
        let now = Instant::now();
        for _ in 0..3 {
            assert!(limit.allow(one, now));
        }
        assert!(!limit.allow(one, now));
        assert!(limit.allow(two, now));
        let later = now + Duration::from_secs(1);
        assert!(limit.allow(one, later));
        assert!(!limit.allow(one, later));
    }
}
