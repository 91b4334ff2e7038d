//! What a connection has shown before: a client that keeps one open sends the same token and the
//! same session id with each call, and verifying them is most of what a call costs here.
//!
//! Only the cryptography is spared. Whether a token has expired, whose resource it is for and
//! whether its grant still stands is asked anew each time. A connection remembers one of each, so
//! that nobody can make it grow, and what it remembers goes when it is closed.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderValue;
use subtle::ConstantTimeEq as _;

use crate::{bearer::Pass, caller::Caller};

/// The memory of one connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Where it comes from; `None` where the router is mounted in a server that does not say.
    pub(crate) peer: Option<SocketAddr>,
    /// The access token it showed last.
    pub(crate) pass: Remembered<Arc<Pass>>,
    /// The id of the session it used last: whose it is, and what rmcp knows it by.
    pub(crate) session: Remembered<(Caller, HeaderValue)>,
}

/// A verified text and what it stands for.
#[derive(Debug)]
pub(crate) struct Remembered<T>(Mutex<Option<(Secret, T)>>);

struct Secret(Box<[u8]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Remembered<T> {
    /// What `unverified` stands for, if it is the text that was verified last.
    pub(crate) fn recall(&self, unverified: &[u8]) -> Option<T> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Secret(text), value) = known.as_ref()?;
        // Behind a proxy the connection may carry requests of many people.
        is_same(text, unverified).then(|| value.clone())
    }

    /// Remembers `verified`, in place of what was there.
    pub(crate) fn keep(&self, verified: &[u8], value: T) {
        let known = Some((Secret(verified.into()), value));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// Compares in a time that tells nothing but the length, which is no secret.
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
    fn only_the_last_text_is_remembered_and_only_in_full() {
        let memory = Remembered::default();
        assert_eq!(memory.recall(b"one"), None);
        memory.keep(b"one", 1);
        assert_eq!(memory.recall(b"one"), Some(1));
        for other in [&b"on"[..], b"one ", b"onf", b"One", b""] {
            assert_eq!(memory.recall(other), None, "{other:?}");
        }
        memory.keep(b"two", 2);
        assert_eq!(memory.recall(b"one"), None);
        assert_eq!(memory.recall(b"two"), Some(2));
        assert!(!format!("{memory:?}").contains("two"));
    }
}
