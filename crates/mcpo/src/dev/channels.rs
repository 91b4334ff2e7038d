//! State that all actors share: what the user asked for with keys, and what is shown to the user.
//! All actors run on one thread.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    time::Instant,
};

use mcpo_common::{error::Outcome, project::Environment, ui::Ui};
use serde_json::Value;
use tokio::sync::Notify;

use super::tools::Tools;

/// The state between the keyboard and the actors.
#[derive(Debug, Default)]
pub struct Channels {
    /// Whether each request is shown.
    pub shows_requests: Cell<bool>,
    /// The tools that the current server has reported.
    pub tools: RefCell<Option<Tools>>,
    /// Notified when the user wants to probe the server now.
    pub probe_requested: Notify,
    /// The tool that the next probe should call.
    pub tool_to_try: RefCell<Option<String>>,
    /// When the last build ended.
    pub settled: Cell<Option<Instant>>,
    /// When the last server was started.
    pub started: Cell<Option<Instant>>,
    /// The number of servers that have stopped by themselves.
    pub crashes: Cell<u32>,
    /// Notified when the program that reads the events has closed stdout.
    pub unread: Notify,
    /// Environment variables that mcpo sets for this run.
    decided: Vec<(String, String)>,
    /// Whether events are printed to stdout.
    prints_events: bool,
}

impl Channels {
    pub fn new(decided: Vec<(String, String)>, prints_events: bool) -> Self {
        Self {
            decided,
            prints_events,
            ..Self::default()
        }
    }

    /// Reads and returns the environment of the servers.
    pub fn environment(&self, folder: &Path) -> Outcome<Environment> {
        Ok(Environment::load(folder)?.with(&self.decided))
    }

    /// Records that a build has ended.
    pub fn settle(&self) {
        self.settled.set(Some(Instant::now()));
    }

    /// Records that a server has stopped by itself.
    pub fn count_crash(&self) {
        self.crashes.set(self.crashes.get().saturating_add(1));
    }

    /// Prints an event for programs, as one line of JSON.
    pub fn event(&self, ui: &Ui, make: impl FnOnce() -> Value) {
        if self.prints_events && ui.try_result(make()).is_err() {
            self.unread.notify_one();
        }
    }
}
