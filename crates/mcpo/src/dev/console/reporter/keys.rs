//! Answers to keys.

use super::Reporter;
use crate::dev::messages::{command::CONNECTORS, tools::Tools};

pub const HELP: &str = "r rebuild and restart, p probe, t list and try tools, u open the browser \
                        view, l show or hide requests, c copy the URL, o open claude.ai's \
                        connectors, q quit";

impl Reporter<'_> {
    /// Lists the tools, with the digits that call them.
    pub fn tools(&self, tools: Option<&Tools>) {
        match tools {
            Some(tools) => self
                .ui
                .step("Tools", tools.numbered().unwrap_or_else(|| "none".into())),
            None => self
                .ui
                .step("Tools", "no server has reported its tools yet"),
        }
    }

    /// Reports a mistake in what the user typed.
    pub fn mistyped(&self, because: &str) {
        self.ui.warn(because);
    }

    pub fn toggle_requests(&mut self) {
        self.shows_requests = !self.shows_requests;
        let how = if self.shows_requests {
            "are shown"
        } else {
            "are hidden"
        };
        self.ui.step("Requests", how);
    }

    pub fn copy_url(&self) {
        self.ui.copy(&self.welcome.connector);
        self.ui.step("Copied", &self.welcome.connector);
    }

    pub fn open_connectors(&self) {
        self.ui.step("Opening", CONNECTORS);
    }

    pub fn help(&self) {
        self.ui.step("Keys", HELP);
    }

    pub fn empty_line(&self) {
        self.ui.say("");
    }
}
