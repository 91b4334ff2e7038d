//! The comparison with a lock file, as a part of a probe.

use super::{change::Changes, snapshot::Contract};

/// A contract that a server must keep.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The contract.
    pub(crate) contract: Contract,
    /// The name of its file in reports.
    pub(crate) file: String,
    /// Whether breaking changes and changes of trust are accepted.
    pub(crate) accepts_changes: bool,
    /// How to accept the changes: a command or a flag.
    pub(crate) how_to_accept: String,
}

impl Locked {
    /// Returns a contract that was read from `file`, which names it in reports. Breaking changes
    /// and changes of trust fail the probe, and the report says `how_to_accept` them: a command or
    /// a flag.
    #[must_use]
    pub fn new(
        contract: Contract,
        file: impl Into<String>,
        how_to_accept: impl Into<String>,
    ) -> Self {
        Self {
            contract,
            file: file.into(),
            accepts_changes: false,
            how_to_accept: how_to_accept.into(),
        }
    }

    /// Selects whether breaking changes and changes of trust are accepted.
    #[must_use]
    pub const fn with_changes_accepted(mut self, accepts: bool) -> Self {
        self.accepts_changes = accepts;
        self
    }
}

/// The result of the comparison.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The name of the file.
    pub file: String,
    /// All changes since the file was written.
    pub changes: Changes,
    /// Whether breaking changes and changes of trust are accepted.
    pub is_accepted: bool,
}

impl Comparison {
    /// Compares the contract of a server with the locked one.
    pub(crate) fn new(locked: &Locked, current: &Contract) -> Self {
        Self {
            file: locked.file.clone(),
            changes: locked.contract.changes_to(current),
            is_accepted: locked.accepts_changes,
        }
    }

    /// Returns true if there are changes that must be accepted first.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.is_accepted && self.needs_consent()
    }

    pub(crate) fn needs_consent(&self) -> bool {
        self.changes
            .iter()
            .any(|change| change.class.needs_consent())
    }
}
