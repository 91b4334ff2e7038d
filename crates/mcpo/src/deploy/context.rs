//! What every step of a deployment needs.

use std::sync::Mutex;

use super::{google::Google, names::Names, settings::Settings};
use crate::ui::Ui;

/// Who, where, what, and what has been made so far.
pub struct Context<'a> {
    pub google: Google,
    pub settings: Settings,
    pub names: Names,
    pub ui: &'a Ui,
    pub made: &'a Made,
}

/// What this run made, for whoever has to clean up after it.
#[derive(Debug, Default)]
pub struct Made(Mutex<Vec<String>>);

impl Made {
    pub fn add(&self, what: impl Into<String>) {
        if let Ok(mut made) = self.0.lock() {
            made.push(what.into());
        }
    }

    pub fn list(&self) -> Vec<String> {
        self.0.lock().map(|made| made.clone()).unwrap_or_default()
    }
}
