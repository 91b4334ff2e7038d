//! What a person at the keyboard asks for, and what is shown to them: shared by the actors, which
//! all run on one thread.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    time::Instant,
};

use serde_json::Value;
use tokio::sync::Notify;

use super::tools::Tools;
use crate::{error::Outcome, project::Environment, ui::Ui};

/// The desk between the keyboard and the actors.
#[derive(Debug, Default)]
pub struct Desk {
    /// Whether each request is to be told.
    pub tells_requests: Cell<bool>,
    /// What the server that answers has said it has.
    pub tools: RefCell<Option<Tools>>,
    /// Somebody wants the server walked now.
    pub walk: Notify,
    /// The tool that this walk is to call.
    pub tried: RefCell<Option<String>>,
    /// When the last build came to its end.
    pub settled: Cell<Option<Instant>>,
    /// When the last server was started.
    pub started: Cell<Option<Instant>>,
    /// How many servers have stopped by themselves.
    pub crashes: Cell<u32>,
    /// The program that reads events has closed stdout.
    pub unread: Notify,
    /// Variables that were decided for this run.
    decided: Vec<(String, String)>,
    /// Whether a program reads along on stdout.
    tells_events: bool,
}

impl Desk {
    pub fn new(decided: Vec<(String, String)>, tells_events: bool) -> Self {
        Self {
            decided,
            tells_events,
            ..Self::default()
        }
    }

    /// What servers find in their environment, read anew.
    pub fn environment(&self, folder: &Path) -> Outcome<Environment> {
        Ok(Environment::load(folder)?.with(&self.decided))
    }

    /// A build has come to its end.
    pub fn settle(&self) {
        self.settled.set(Some(Instant::now()));
    }

    /// A server has stopped by itself.
    pub fn count_crash(&self) {
        self.crashes.set(self.crashes.get().saturating_add(1));
    }

    /// Tells a program that reads along; one line of JSON each.
    pub fn event(&self, ui: &Ui, make: impl FnOnce() -> Value) {
        if self.tells_events && ui.try_result(make()).is_err() {
            self.unread.notify_one();
        }
    }
}
