//! Scopes: space-separated names in a fixed order (RFC 6749 §3.3).

mod policy;
pub(crate) mod scope_map;

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub(crate) use self::policy::ScopePolicy;

/// The scope of clients that request none: permission to call the tools of this server.
pub const DEFAULT_SCOPE: &str = "mcp:tools";
/// The scope of clients that want a refresh token. The user is not asked about it.
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";

const MAX_SCOPES: usize = 64;
const MAX_SCOPE_LEN: usize = 128;

/// The text is not a list of valid scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of scope names: use visible ASCII without spaces, quotes and backslashes")]
pub struct ScopesError(());

/// A set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Parses a space-separated list of up to 64 names, each of up to 128 characters that RFC 6749
    /// allows.
    pub fn parse(text: &str) -> Result<Self, ScopesError> {
        let names: BTreeSet<String> = text
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let valid = names.len() <= MAX_SCOPES
            && names
                .iter()
                .all(|name| name.len() <= MAX_SCOPE_LEN && name.bytes().all(is_scope_byte));
        if valid {
            Ok(Self(names))
        } else {
            Err(ScopesError(()))
        }
    }

    /// Creates a set of names that are already known to be valid.
    pub(crate) fn from_names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Adds a scope. Returns true if it was not in the set before.
    fn insert(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned())
    }

    /// Returns the scopes that are in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Returns true if the set contains every scope of `needed`.
    #[must_use]
    pub fn contains_all(&self, needed: &Self) -> bool {
        needed.0.is_subset(&self.0)
    }

    /// Returns true if the set contains `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns the scopes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Returns true for `NQCHAR` of RFC 6749 appendix A.
const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Self, ScopesError> {
        Self::parse(text)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_lists_are_parsed_and_validated() {
        assert_eq!(Scopes::parse(" b  a b ").unwrap().to_string(), "a b");
        assert!(Scopes::parse("a\"b").is_err());
        assert!(Scopes::parse("a\\b").is_err());
        assert!(Scopes::parse("ä").is_err());
        assert!(Scopes::parse(&"x".repeat(129)).is_err());
    }
}
