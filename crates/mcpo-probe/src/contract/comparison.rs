//! The comparison with a lock file, as a part of a probe.

use super::{change::Changes, snapshot::Contract};

/// A contract that a server must keep.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The contract.
    pub contract: Contract,
    /// The name of its file in reports.
    pub file: String,
    /// Whether breaking changes and changes of trust are accepted.
    pub accepts_changes: bool,
    /// How to accept the changes: a command or a flag.
    pub how_to_accept: String,
}

/// The result of the comparison.
#[derive(Clone, Debug, PartialEq)]
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
