//! The project's lock file, and what a release changes for clients.

use mcpo_common::error::{Failure, Outcome};
use mcpo_probe::{Contract, LockFile, Locked};

use super::Verified;
use crate::context::Context;

/// The contract in the project's lock file. Without a file, all revisions are accepted.
#[derive(Debug, Default)]
pub struct Lock(Option<Locked>);

impl Lock {
    /// Reads the file if there is one. `accept` are the flags that accept the changes.
    pub fn read(context: &Context<'_>, accept: &str) -> Outcome<Self> {
        let file = &context.contract_file;
        // A file that cannot be accessed must not count as missing: it may forbid the release.
        let exists = file.path().try_exists().map_err(|error| {
            Failure::new(format!("failed to read {}", file.path().display())).because(&error)
        })?;
        if !exists {
            return Ok(Self(None));
        }
        let how_to_accept = context.invocation.with(accept);
        let locked = Locked::new(file.read()?, LockFile::NAME, how_to_accept);
        // A preview shows the changes. A release to users refuses them.
        let accepts = context.accepts_changes || context.names.preview().is_some();
        let locked = locked.with_changes_accepted(accepts);
        Ok(Self(Some(locked)))
    }

    /// Returns the contract for a probe.
    pub fn locked(&self) -> Option<Locked> {
        self.0.clone()
    }
}

/// Writes the contract of a verified revision, if the changes are accepted. Call it once, after the
/// last check: an earlier check does not know yet whether the release succeeds.
pub fn accept(context: &Context<'_>, verified: &Verified) -> Outcome<()> {
    if !context.accepts_changes {
        return Ok(());
    }
    let Some(contract) = &verified.contract else {
        context.ui.warn(format_args!(
            "{} was not written: the check did not get all tools, resources and prompts",
            LockFile::NAME
        ));
        return Ok(());
    };
    let what = match &verified.contract_changes {
        Some(changes) if changes.is_empty() => return Ok(()),
        Some(changes) => changes.summary(),
        None => contract.summary(),
    };
    context.contract_file.write(contract)?;
    context
        .ui
        .step("Accepted", format_args!("{what}; wrote {}", LockFile::NAME));
    Ok(())
}

/// Reports what clients may notice only later. claude.ai caches the list of tools of each URL for
/// about a day.
pub fn report_changes(context: &Context<'_>, before: Option<&Contract>, now: Option<&Contract>) {
    let (Some(before), Some(now)) = (before, now) else {
        return;
    };
    let changes = before.changes_to(now);
    if changes.is_empty() {
        return;
    }
    context.ui.step(
        "Changed",
        format_args!(
            "tools, resources or prompts: {}; claude.ai caches the list of tools of a URL for \
             about a day",
            changes.summary()
        ),
    );
}
