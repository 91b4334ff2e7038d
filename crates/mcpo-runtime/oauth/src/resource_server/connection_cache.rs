//! Caches what a connection has already proven. A client that keeps a connection open sends the
//! same token and session id with each call, and verifying them is most of the cost of a call.
//!
//! Only the cryptography is skipped. The expiry, the resource and the state of the grant are
//! checked on every request. Each connection caches one token and one session id, so clients
//! cannot make it grow, and forgets both when it closes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderValue;
use subtle::ConstantTimeEq as _;

use super::{caller_claims::CallerClaims, validated_token::ValidatedToken};

/// The peer of one connection and what it has proven.
#[derive(Debug, Default)]
pub struct Connection {
    /// The address of the client; `None` if the router is mounted in a server that does not provide
    /// it.
    pub peer: Option<SocketAddr>,
    /// The last access token that was verified.
    pub token: ConnectionCache<Arc<ValidatedToken>>,
    /// The last session id that was verified: the caller it belongs to, and rmcp's id of the
    /// session.
    pub session: ConnectionCache<(Arc<CallerClaims>, HeaderValue)>,
}

/// A verified text and its value.
#[derive(Debug)]
pub struct ConnectionCache<T>(Mutex<Option<(Secret, T)>>);

struct Secret(Box<[u8]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

impl<T> Default for ConnectionCache<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> ConnectionCache<T> {
    /// Returns the value of `unverified` if it is the text that was verified last.
    pub fn get(&self, unverified: &[u8]) -> Option<T> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Secret(text), value) = known.as_ref()?;
        // Behind a proxy, one connection may carry the requests of many users.
        is_same(text, unverified).then(|| value.clone())
    }

    /// Caches `verified` in place of the previous text.
    pub fn insert(&self, verified: &[u8], value: T) {
        let known = Some((Secret(verified.into()), value));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// Compares in constant time. Only the length can be observed, and it is not secret.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let pairs = one.iter().zip(other);
    let difference = pairs.fold(0, |difference, (one, other)| difference | (one ^ other));
    difference.ct_eq(&0_u8).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_complete_text_is_cached() {
        let memory = ConnectionCache::default();
        assert_eq!(memory.get(b"one"), None);
        memory.insert(b"one", 1);
        assert_eq!(memory.get(b"one"), Some(1));
        for other in [&b"on"[..], b"one ", b"onf", b"One", b""] {
            assert_eq!(memory.get(other), None, "{other:?}");
        }
        memory.insert(b"two", 2);
        assert_eq!(memory.get(b"one"), None);
        assert_eq!(memory.get(b"two"), Some(2));
        assert!(!format!("{memory:?}").contains("two"));
    }
}
