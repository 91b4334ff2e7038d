//! What every step of a deployment needs.

use std::sync::Mutex;

use super::{google::Google, invocation::Invocation, names::Names, settings::Settings};
use crate::ui::Ui;

/// Who, where, what, and what has been made so far.
pub struct Context<'a> {
    pub google: Google,
    pub settings: Settings,
    pub names: Names,
    pub ui: &'a Ui,
    pub made: &'a Made,
    pub invocation: &'a Invocation,
}

/// What this run made, and what it has begun to make, for whoever cleans up after it.
#[derive(Debug, Default)]
pub struct Made(Mutex<Vec<Entry>>);

#[derive(Clone, Debug)]
struct Entry {
    what: String,
    is_certain: bool,
}

/// Something that is being made. Dropped without an end (another step failed, or the user pressed
/// Ctrl-C), it may exist or not.
#[must_use = "dropped at once, it is listed as unfinished"]
pub struct Begun<'a> {
    made: &'a Made,
    what: String,
}

impl Made {
    /// Adds what certainly exists.
    pub fn add(&self, what: impl Into<String>) {
        self.put(what.into(), true);
    }

    /// Adds what a request that is sent now makes.
    pub fn begin(&self, what: impl Into<String>) -> Begun<'_> {
        let what = what.into();
        self.put(what.clone(), false);
        Begun { made: self, what }
    }

    /// One line for each; what was in flight says so.
    pub fn list(&self) -> Vec<String> {
        let entries = self.0.lock().map(|made| made.clone()).unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| {
                if entry.is_certain {
                    entry.what
                } else {
                    format!("{} (in flight: it may exist)", entry.what)
                }
            })
            .collect()
    }

    fn put(&self, what: String, is_certain: bool) {
        if let Ok(mut made) = self.0.lock() {
            made.retain(|entry| entry.what != what);
            made.push(Entry { what, is_certain });
        }
    }

    fn remove(&self, what: &str) {
        if let Ok(mut made) = self.0.lock() {
            made.retain(|entry| entry.what != what || entry.is_certain);
        }
    }
}

impl Begun<'_> {
    /// It exists now, by this run.
    pub fn done(self) {
        self.made.add(self.what);
    }

    /// This run did not make it.
    pub fn not_made(self) {
        self.made.remove(&self.what);
    }
}
