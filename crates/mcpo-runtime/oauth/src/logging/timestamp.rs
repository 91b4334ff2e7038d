//! The time of a log line.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat};

/// Returns the time in the form of RFC 3339, in UTC and with microseconds.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since.as_secs()).ok()?;
    let time = DateTime::from_timestamp(seconds, since.subsec_nanos())?;
    Some(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
