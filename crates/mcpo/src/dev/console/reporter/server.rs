//! Reports of builds and servers.

use std::{io, process::ExitStatus};

use mcpo_probe::{ChangeClass, Changes};
use serde_json::json;

use super::Reporter;
use crate::dev::messages::{
    change::Change,
    event::{AfterCrash, SwapFailure},
    tools::Tools,
};

impl Reporter<'_> {
    pub(super) fn build_failed(
        &self,
        killed: Option<ExitStatus>,
        said: &str,
        has_executable: bool,
    ) {
        let what_now = if has_executable {
            "the server keeps running"
        } else {
            "waiting for a change"
        };
        match killed {
            Some(status) => self.ui.warn(format_args!(
                "cargo was killed ({status}), perhaps because memory ran out; {what_now}; press r \
                 to build again"
            )),
            None => self.ui.warn(format_args!("the build failed; {what_now}")),
        }
        if is_linker_missing(said) {
            self.ui.detail(format_args!("fix: {INSTALL_LINKER}"));
        }
    }

    /// Reports a server that took over. `before` are the tools of the previous server.
    pub fn ready(
        &mut self,
        change: &Change,
        tools: &Tools,
        before: Option<&Tools>,
        sign_in: String,
    ) {
        let age = change.age();
        let is_first = self.sign_in.is_none();
        let changes = before.and_then(|before| tools.contract_changes_since(before));
        self.json(|| {
            let word = if is_first || change.files.is_empty() {
                "ready"
            } else {
                "reloaded"
            };
            let milliseconds =
                u64::try_from(change.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            json!({
                "event": word, "files": change.files, "milliseconds": milliseconds,
                "tools": tools.names(), "changes": changes,
            })
        });
        if is_first {
            self.welcome.print_facts(self.ui, &sign_in, tools);
        }
        match change.describe() {
            // The first server is "Ready", also if a change repaired the build.
            Some(files) if !is_first => self.ui.step("Reloaded", format_args!("{files} in {age}")),
            None if self.is_restarting => self.ui.step("Restarted", format_args!("in {age}")),
            _ => self.ui.step("Ready", format_args!("in {age}")),
        }
        self.is_restarting = false;
        if is_first {
            self.welcome.print_next_steps(self.ui, self.has_keys);
        }
        // For each later server, only what changed.
        if let Some(changes) = &changes {
            self.contract_changes(changes);
        } else if let Some(text) = before.and_then(|before| tools.changes_since(before)) {
            self.ui.step("Tools", text);
        }
        if self
            .sign_in
            .as_ref()
            .is_some_and(|earlier| *earlier != sign_in)
        {
            self.ui.step("Sign-in", &sign_in);
        }
        self.sign_in = Some(sign_in);
    }

    /// Prints one line per class of changes.
    fn contract_changes(&self, changes: &Changes) {
        const SHOWN: usize = 2;
        for (class, label) in [
            (ChangeClass::Breaking, "Breaking"),
            (ChangeClass::Trust, "Trust"),
            (ChangeClass::Visible, "Visible"),
            (ChangeClass::Safe, "Safe"),
        ] {
            let all: Vec<_> = changes.of(class).map(ToString::to_string).collect();
            let shown = all.iter().take(SHOWN);
            let shown = shown.map(|change| change.trim_start_matches("tools/"));
            let mut text = shown.collect::<Vec<_>>().join("; ");
            if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                text = format!("{text}; and {more} more");
            }
            if !all.is_empty() {
                self.ui.step(label, text);
            }
        }
    }

    pub fn not_swapped(&mut self, why: &SwapFailure, is_serving: bool) {
        if let SwapFailure::NotStarted(failure) = why {
            self.ui.failure(failure);
        }
        let why = why.to_string();
        self.json(|| json!({ "event": "not swapped", "because": why }));
        let what_now = if is_serving {
            "the old server keeps running"
        } else {
            "waiting for a change"
        };
        self.ui.warn(format_args!("{why}; {what_now}"));
    }

    pub fn crashed(&mut self, status: io::Result<ExitStatus>, next: AfterCrash) {
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.json(|| json!({ "event": "crashed", "how": how }));
        self.is_restarting = next == AfterCrash::Restarts;
        let next = match next {
            AfterCrash::NextStarts => return,
            AfterCrash::Restarts => "it is restarted once",
            AfterCrash::Waits => {
                "it is restarted after the next change, or if you press r; until then, clients get \
                 503"
            }
        };
        self.ui
            .warn(format_args!("the server stopped ({how}); {next}"));
    }
}

/// How to install a linker.
const INSTALL_LINKER: &str = if cfg!(target_os = "macos") {
    "install a linker: xcode-select --install"
} else if cfg!(windows) {
    "install the Visual Studio Build Tools: https://rustup.rs lists the components"
} else {
    "install a linker: sudo apt install build-essential (or the package `gcc` of your system)"
};

/// Returns true if a build failed because there is no linker.
fn is_linker_missing(said: &str) -> bool {
    said.contains("error: linker `") && said.contains("not found")
}

#[cfg(test)]
mod tests {
    use super::is_linker_missing;

    #[test]
    fn a_missing_linker_is_recognized() {
        let said = "error: linker `cc` not found\n  |\n  = note: No such file or directory";
        assert!(is_linker_missing(said));
        assert!(!is_linker_missing(
            "error: linking with `cc` failed: not found"
        ));
    }
}
