//! Requests that `mcpo dev` itself makes, to probe the server or to try a tool. They carry a key
//! that only this server and its parent know, so no other client can hide its requests.

use std::sync::OnceLock;

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::sd_notify;

/// The variable with the key. Nothing is recognized without it.
const KEY_VARIABLE: &str = "MCPO_DEV_SELF_TEST";
/// The header of the requests.
const HEADER: &str = "x-mcpo-self-test";
/// The prefix of a log line that `mcpo dev` shows only if its test fails.
const LINE_PREFIX: &str = "X_MCPO_LOG=";
/// The maximum length of a log line, in characters.
const MAX_LINE_CHARS: usize = 4_000;

/// Returns true if `mcpo dev` made the request with these headers.
pub(super) fn is_self_test(headers: &HeaderMap) -> bool {
    static KEY: OnceLock<Option<String>> = OnceLock::new();
    let Some(given) = headers.get(HEADER) else {
        return false;
    };
    let known = KEY.get_or_init(|| {
        std::env::var(KEY_VARIABLE)
            .ok()
            .filter(|key| !key.is_empty())
    });
    // Digests are compared, so that the time does not reveal how much of the key is correct.
    known
        .as_ref()
        .is_some_and(|key| Sha256::digest(key) == Sha256::digest(given.as_bytes()))
}

/// Sends a line of the log to `mcpo dev` instead of printing it.
pub(crate) fn send_log_line(line: &str) {
    let line: String = line.trim_end().chars().take(MAX_LINE_CHARS).collect();
    // As JSON, which has no line breaks.
    let line = serde_json::Value::from(line);
    sd_notify::send_event(&format!("{LINE_PREFIX}{line}"));
}
