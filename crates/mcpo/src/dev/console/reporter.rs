//! Prints what happens: as text for users, and as one line of JSON per event for programs.

use std::{io, process::ExitStatus};

use mcpo_common::ui::Ui;
use mcpo_probe::{ChangeClass, Changes};
use serde_json::{Value, json};

use super::probe_report;
use crate::dev::messages::{
    change::Change,
    event::{Event, Stopped, SwapFailure},
    request_event::RequestEvent,
    tools::Tools,
};

/// The page on which claude.ai adds connectors.
const CONNECTORS: &str = "https://claude.ai/settings/connectors";
const HELP: &str = "r rebuild and restart, p probe, t list and try tools, l show or hide requests, \
                    c copy the URL, o open claude.ai's connectors, q quit";

/// Prints all output of a run, except for the output of compilers and servers.
pub struct Reporter<'a> {
    ui: &'a Ui,
    prints_json: bool,
    /// Whether the program that reads the JSON has closed stdout.
    is_unread: bool,
    shows_requests: bool,
    /// The URL to type into a client.
    url: String,
}

impl<'a> Reporter<'a> {
    pub const fn new(ui: &'a Ui, prints_json: bool) -> Self {
        Self {
            ui,
            prints_json,
            is_unread: false,
            shows_requests: false,
            url: String::new(),
        }
    }

    pub const fn ui(&self) -> &'a Ui {
        self.ui
    }

    /// Returns true if no program reads the JSON any more.
    pub const fn is_unread(&self) -> bool {
        self.is_unread
    }

    /// Sets the URL to type into a client.
    pub fn set_url(&mut self, url: String) {
        self.url = url;
    }

    /// Prints a line of JSON.
    pub fn json(&mut self, make: impl FnOnce() -> Value) {
        if self.prints_json && self.ui.try_result(make()).is_err() {
            self.is_unread = true;
        }
    }

    /// Reports an event that needs no further decision.
    pub fn report(&mut self, event: &Event) {
        match event {
            Event::DependenciesCopied => self.ui.step(
                "Copied",
                "compiled dependencies of other projects; cargo uses those that fit",
            ),
            Event::BuildStarted(files) => {
                self.json(|| json!({ "event": "building", "files": files }));
            }
            Event::BuildFailed {
                killed,
                has_executable,
            } => self.build_failed(*killed, *has_executable),
            Event::LoopFound { files, explanation } => {
                self.json(|| json!({ "event": "going in circles", "files": files }));
                self.ui.warn(explanation);
            }
            Event::Unchanged(change) => {
                let what = change.describe().unwrap_or_default();
                self.ui.step(
                    "Unchanged",
                    format_args!("{what} does not change the executable"),
                );
            }
            Event::ClientContinued { client, request } => self.request(client, request),
            Event::ClientStopped(stopped) => self.client_stopped(stopped),
            Event::Probed { tool, report } => {
                probe_report::print(self, tool.as_deref(), report);
            }
            Event::ProbeFailed(failure) => self.ui.failure(failure),
            Event::Warning(text) => self.ui.warn(text),
            // The session calls one of the methods below for these.
            Event::Changed(_)
            | Event::InputsRead(_)
            | Event::Built(_)
            | Event::ServerStarting(_)
            | Event::ServerReady { .. }
            | Event::NotSwapped { .. }
            | Event::ServerCrashed { .. }
            | Event::Request(_)
            | Event::Pressed(_) => {}
        }
    }

    fn build_failed(&mut self, killed: Option<ExitStatus>, has_executable: bool) {
        self.json(|| json!({ "event": "build failed" }));
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
    }

    /// Reports a server that took over. `before` are the tools of the previous server.
    pub fn ready(&mut self, change: &Change, tools: &Tools, before: Option<&Tools>) {
        let age = change.age();
        let changes = before.and_then(|before| tools.contract_changes_since(before));
        self.json(|| {
            let word = if change.files.is_empty() {
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
        match change.describe() {
            Some(files) => self.ui.step("Reloaded", format_args!("{files} in {age}")),
            None => self.ui.step("Ready", format_args!("in {age}")),
        }
        // All tools of the first server, and for each later server the tools that changed.
        let text = match (before, &changes) {
            (None, _) => tools.describe(),
            (Some(_), Some(changes)) => return self.contract_changes(changes),
            (Some(before), None) => tools.changes_since(before),
        };
        if let Some(text) = text {
            self.ui.step("Tools", text);
        }
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

    pub fn crashed(&mut self, status: io::Result<ExitStatus>, has_next: bool) {
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.json(|| json!({ "event": "crashed", "how": how }));
        if !has_next {
            self.ui.warn(format_args!(
                "the server stopped ({how}); it is restarted after the next change"
            ));
        }
    }

    fn request(&mut self, client: &str, request: &RequestEvent) {
        let RequestEvent {
            step,
            method,
            status,
            milliseconds,
            ..
        } = request;
        self.json(|| {
            json!({
                "event": "request", "client": client, "step": step, "method": method,
                "status": status, "milliseconds": milliseconds,
            })
        });
        if self.shows_requests {
            self.ui.step(
                "Request",
                format_args!("{client}: {step}, {method} {status} in {milliseconds} ms"),
            );
        }
    }

    fn client_stopped(&mut self, stopped: &Stopped) {
        let Stopped {
            title,
            step,
            status,
            seconds,
            next,
            causes,
        } = stopped;
        self.json(|| {
            json!({
                "event": "client stopped", "client": title, "step": step, "status": status,
                "seconds": seconds, "next": next, "causes": causes,
            })
        });
        self.ui.warn(format_args!(
            "{title} stopped {seconds} s ago after {step} ({status}); next: {next}"
        ));
        for cause in causes {
            self.ui.say(format_args!("           perhaps: {cause}"));
        }
    }

    pub fn stopped(&mut self) {
        self.json(|| json!({ "event": "stopped" }));
    }

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

    pub fn trying(&self, tool: &str) {
        self.ui.step("Trying", tool);
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
        self.ui.copy(&self.url);
        self.ui.step("Copied", &self.url);
    }

    pub fn open_connectors(&self) {
        match webbrowser::open(CONNECTORS) {
            Ok(()) => self.ui.step("Opened", CONNECTORS),
            Err(error) => self.ui.warn(format_args!(
                "failed to open a browser: {error}; open {CONNECTORS}"
            )),
        }
    }

    pub fn help(&self) {
        self.ui.step("Keys", HELP);
    }

    pub fn empty_line(&self) {
        self.ui.say("");
    }
}
