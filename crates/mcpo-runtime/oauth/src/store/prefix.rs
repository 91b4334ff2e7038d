//! A prefix for the names of all records, so that several servers can share one bucket or Redis.

use std::fmt;

/// The maximum length of a prefix in bytes. Names of objects may have 1024 bytes.
const MAX_LEN: usize = 200;

/// The beginning of the name of each record; empty by default.
///
/// Servers with different prefixes do not see each other's records. The prefix is not a protection:
/// each of these servers may read and write the whole bucket or database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordPrefix(String);

impl RecordPrefix {
    /// Parses a prefix: letters, digits, `-`, `_` and `.`, which need no escaping in URLs. Returns
    /// `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // A name that starts with a dot could be a relative path.
        let is_valid = (1..=MAX_LEN).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('.');
        is_valid.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for RecordPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RecordPrefix;

    #[test]
    fn only_names_that_need_no_escaping_are_prefixes() {
        for good in ["preview.pr-7.", "a", "A_b"] {
            assert!(RecordPrefix::parse(good).is_some(), "{good}");
        }
        let long = "a".repeat(201);
        for bad in ["", "a/b", "a b", "../x", ".x", "ä", "a:b", &long] {
            assert!(RecordPrefix::parse(bad).is_none(), "{bad}");
        }
    }
}
