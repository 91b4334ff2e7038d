//! Prints what happens: as text for users, and as one line of JSON per event for programs.

mod keys;
mod server;

use std::time::Instant;

use mcpo_common::ui::Ui;
use serde_json::{Value, json};

pub use self::keys::HELP;
use super::{
    call_limit::{CallLimit, Shown},
    feed::Feed,
    held_log::HeldLog,
    probe_report, tool_report,
    welcome::Welcome,
};
use crate::dev::messages::{
    event::{Event, Stopped},
    request_event::RequestEvent,
    self_test::TestKind,
};

/// Prints all output of a run, except for the output of compilers and servers.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about the output"
)]
pub struct Reporter<'a> {
    ui: &'a Ui,
    prints_json: bool,
    /// Whether the program that reads the JSON has closed stdout.
    is_unread: bool,
    shows_requests: bool,
    /// Whether the user can press keys.
    has_keys: bool,
    /// Printed when the first server is ready.
    welcome: Welcome,
    /// How users sign in at the current server.
    sign_in: Option<String>,
    /// Whether the same server is started again after a crash.
    is_restarting: bool,
    call_limit: CallLimit,
    held_log: HeldLog,
    feed: Feed,
}

impl<'a> Reporter<'a> {
    pub fn new(ui: &'a Ui, prints_json: bool) -> Self {
        Self {
            ui,
            prints_json,
            is_unread: false,
            shows_requests: false,
            has_keys: false,
            welcome: Welcome::default(),
            sign_in: None,
            is_restarting: false,
            call_limit: CallLimit::default(),
            held_log: HeldLog::default(),
            feed: Feed::default(),
        }
    }

    pub const fn ui(&self) -> &'a Ui {
        self.ui
    }

    /// Returns true if no program reads the JSON any more.
    pub const fn is_unread(&self) -> bool {
        self.is_unread
    }

    /// Sets what is printed when the first server is ready.
    pub fn set_welcome(&mut self, welcome: Welcome) {
        self.welcome = welcome;
    }

    /// Records that the user can press keys.
    pub const fn set_keys(&mut self) {
        self.has_keys = true;
    }

    /// Returns the events for pages.
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Publishes an event, and prints it if that was asked for.
    pub fn json(&mut self, make: impl FnOnce() -> Value) {
        let event = make();
        if self.prints_json && self.ui.try_result(&event).is_err() {
            self.is_unread = true;
        }
        self.feed.publish(&event);
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
                files,
                said,
                killed,
                has_executable,
            } => {
                self.json(|| json!({ "event": "build failed", "files": files, "output": said }));
                self.build_failed(*killed, said, *has_executable);
            }
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
            Event::ClientCalled { client, call } => tool_report::called(self, client, call),
            Event::ClientStopped(stopped) => self.client_stopped(stopped),
            Event::Probed(report) => {
                let has_passed = probe_report::print(self, report);
                self.end_test(TestKind::Probe, has_passed);
            }
            Event::ToolTried(report) => {
                let has_passed = tool_report::tried(self, report);
                self.end_test(TestKind::ToolCall, has_passed);
            }
            Event::ToolNotFound { name, because } => {
                self.ui
                    .warn(format_args!("{name} was not called: {because}"));
                self.end_test(TestKind::ToolCall, false);
            }
            Event::ToolsListed { has_tools } => self.end_test(TestKind::ToolCall, *has_tools),
            Event::TestFailed { test, failure } => {
                self.ui.failure(failure);
                self.end_test(*test, false);
            }
            Event::TestStarted(test) => self.held_log.begin(*test),
            Event::ViewOpened { url } => self.view_opened(url),
            Event::Warning(text) => self.ui.warn(text),
            // The session calls one of the methods below for these.
            Event::Changed(_)
            | Event::InputsRead(_)
            | Event::Built(_)
            | Event::ServerStarting(_)
            | Event::ServerReady { .. }
            | Event::NotSwapped { .. }
            | Event::ServerCrashed { .. }
            | Event::Reported(_)
            | Event::ToolFound { .. }
            | Event::ToolRequested(_)
            | Event::Typed(_)
            | Event::KeyboardReady
            | Event::Pressed(_) => {}
        }
    }

    fn view_opened(&mut self, url: &str) {
        self.json(|| json!({ "event": "view", "url": url }));
        self.ui.step("View", url);
    }

    /// Returns when [`end_calls`](Self::end_calls) must be called, if it must be.
    pub fn calls_deadline(&self) -> Option<Instant> {
        self.call_limit.deadline()
    }

    /// Reports the number of tool calls that were not printed.
    pub fn end_calls(&mut self) {
        let calls = self.call_limit.end();
        tool_report::left_out(self, calls);
    }

    /// Counts a tool call. Returns what to print for it.
    pub fn count_call(&mut self) -> Shown {
        self.call_limit.count(Instant::now())
    }

    /// Ends a test of mcpo itself. If it failed, prints the log lines of the server about it.
    pub fn end_test(&mut self, test: TestKind, has_passed: bool) {
        for line in self.held_log.end(test, !has_passed) {
            self.ui.say(line);
        }
    }

    /// Reports a log line that belongs to a test of mcpo itself.
    pub fn log_line(&mut self, line: String) {
        if let Some(line) = self.held_log.add(line) {
            self.ui.say(line);
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
                "browser": request.is_from_browser(), "self_test": request.is_from_mcpo,
                "probe": request.is_from_probe,
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
            self.ui.detail(format_args!("perhaps: {cause}"));
        }
    }

    pub fn stopped(&mut self) {
        self.json(|| json!({ "event": "stopped" }));
    }
}
