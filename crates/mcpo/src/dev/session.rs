//! Decides what happens next: receives the events of all actors, and answers with commands.
//!
//! The session never waits for an actor, so actors may wait for the session.

use std::time::Instant;

use tokio::{sync::mpsc, time::sleep_until};

use super::{
    console::{reporter::Reporter, tool_prompt::ToolPrompt},
    dispatcher::Dispatcher,
    messages::{
        change::Change,
        command::{BrowserPage, Command, ServerHistory},
        event::{Event, Key, SwapFailure},
        self_test::TestKind,
        server_report::ServerReport,
        tool_request::ToolRequest,
        tools::Tools,
    },
};

/// The state of a run of `mcpo dev`.
pub struct Session<'a> {
    reporter: Reporter<'a>,
    /// Whether each new server is probed.
    probes_each: bool,
    history: ServerHistory,
    /// The tools that the current server has reported.
    tools: Option<Tools>,
    prompt: ToolPrompt,
}

impl<'a> Session<'a> {
    pub fn new(reporter: Reporter<'a>, probes_each: bool) -> Self {
        Self {
            reporter,
            probes_each,
            history: ServerHistory::default(),
            tools: None,
            prompt: ToolPrompt::default(),
        }
    }

    /// Handles events until all actors have ended. Returns the reporter for the last output.
    pub async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        dispatcher: Dispatcher,
    ) -> Reporter<'a> {
        loop {
            if self.reporter.is_unread() {
                dispatcher.send(Command::Stop);
            }
            let deadline = self.reporter.calls_deadline();
            let calls_end = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                event = events.recv() => event,
                () = calls_end => {
                    self.reporter.end_calls();
                    continue;
                }
            };
            let Some(event) = event else {
                self.reporter.end_calls();
                return self.reporter;
            };
            for command in self.handle(event) {
                dispatcher.send(command);
            }
        }
    }

    /// Reports an event and returns the commands that follow from it.
    fn handle(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Changed(change) => vec![Command::Build(change)],
            Event::InputsRead(inputs) => vec![Command::Watch(inputs)],
            Event::Built(candidate) => vec![Command::Run(candidate)],
            Event::ServerStarting(at) => self.note_start(at),
            Event::ServerReady {
                change,
                tools,
                sign_in,
            } => self.follow_ready(&change, tools, sign_in),
            Event::NotSwapped { why, is_serving } => {
                self.reporter.not_swapped(&why, is_serving);
                match why {
                    SwapFailure::Exited(_) => self.note_crash(),
                    _ => Vec::new(),
                }
            }
            Event::ServerCrashed { status, next } => {
                self.reporter.crashed(status, next);
                self.note_crash()
            }
            Event::Reported(report) => self.follow_report(report),
            Event::ToolFound { tool, arguments } => {
                self.reporter.end_test(TestKind::ToolCall, true);
                self.prompt.found(tool, arguments)
            }
            Event::ToolRequested(request) => vec![Command::Try(request)],
            Event::Typed(text) => self.follow_typed(text),
            Event::KeyboardReady => {
                self.reporter.set_keys();
                Vec::new()
            }
            Event::Pressed(key) => self.obey(key),
            reported => {
                self.reporter.report(&reported);
                Vec::new()
            }
        }
    }

    fn follow_report(&mut self, report: ServerReport) -> Vec<Command> {
        match report {
            ServerReport::Request(request) => vec![Command::Follow(request)],
            ServerReport::ToolCall(call) => vec![Command::FollowCall(call)],
            ServerReport::LogLine(line) => {
                self.reporter.log_line(line);
                Vec::new()
            }
        }
    }

    fn follow_typed(&mut self, text: Option<String>) -> Vec<Command> {
        let typed = self.prompt.typed(text, self.tools.as_ref());
        typed.unwrap_or_else(|(because, commands)| {
            self.reporter.mistyped(&because);
            commands
        })
    }

    fn follow_ready(&mut self, change: &Change, tools: Tools, sign_in: String) -> Vec<Command> {
        let before = self.tools.as_ref();
        self.reporter.ready(change, &tools, before, sign_in);
        self.tools = Some(tools);
        if self.probes_each {
            vec![Command::Probe]
        } else {
            Vec::new()
        }
    }

    fn note_start(&mut self, at: Instant) -> Vec<Command> {
        self.history.started = Some(at);
        vec![Command::Consider(self.history)]
    }

    fn note_crash(&mut self) -> Vec<Command> {
        self.history.crashes = self.history.crashes.saturating_add(1);
        vec![Command::Consider(self.history)]
    }

    fn obey(&mut self, key: Key) -> Vec<Command> {
        match key {
            Key::Rebuild => return vec![Command::Build(Change::start())],
            Key::Probe => return vec![Command::Probe],
            Key::Quit => return vec![Command::Stop],
            Key::TryTool(index) => {
                let names = self.tools.as_ref().map(Tools::names).unwrap_or_default();
                if let Some(name) = names.get(index) {
                    return vec![Command::Try(ToolRequest::Find((*name).to_owned()))];
                }
            }
            Key::ListTools => {
                self.reporter.tools(self.tools.as_ref());
                return self.prompt.choose(self.tools.as_ref());
            }
            Key::OpenView => return vec![Command::OpenPage(BrowserPage::View)],
            Key::ToggleRequests => self.reporter.toggle_requests(),
            Key::CopyUrl => self.reporter.copy_url(),
            Key::OpenConnectors => {
                self.reporter.open_connectors();
                return vec![Command::OpenPage(BrowserPage::Connectors)];
            }
            Key::Help => self.reporter.help(),
            Key::EmptyLine => self.reporter.empty_line(),
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use mcpo_common::ui::Ui;

    use super::*;
    use crate::dev::messages::event::{AfterCrash, Candidate};

    fn session(ui: &Ui, probes_each: bool) -> Session<'_> {
        Session::new(Reporter::new(ui, false), probes_each)
    }

    fn ready(tools: &str) -> Event {
        Event::ServerReady {
            change: Change::start(),
            tools: Tools::read(tools).unwrap(),
            sign_in: "not required".to_owned(),
        }
    }

    #[test]
    fn a_change_is_built_and_a_build_is_run() {
        let ui = Ui::from_environment();
        let mut session = session(&ui, false);
        let commands = session.handle(Event::Changed(Change::start()));
        assert!(matches!(commands[..], [Command::Build(_)]), "{commands:?}");
        let candidate = Candidate {
            executable: "server".into(),
            change: Change::start(),
        };
        let commands = session.handle(Event::Built(candidate));
        assert!(matches!(commands[..], [Command::Run(_)]), "{commands:?}");
        assert!(session.handle(ready("X_MCPO_TOOLS=")).is_empty());
    }

    #[test]
    fn each_new_server_is_probed_if_asked_for() {
        let ui = Ui::from_environment();
        let commands = session(&ui, true).handle(ready("X_MCPO_TOOLS="));
        assert!(matches!(commands[..], [Command::Probe]), "{commands:?}");
    }

    #[test]
    fn the_builder_learns_of_starts_and_crashes() {
        let ui = Ui::from_environment();
        let mut session = session(&ui, false);
        let at = Instant::now();
        session.handle(Event::ServerStarting(at));
        let commands = session.handle(Event::ServerCrashed {
            status: Err(std::io::Error::other("lost")),
            next: AfterCrash::NextStarts,
        });
        let expected = ServerHistory {
            started: Some(at),
            crashes: 1,
        };
        let [Command::Consider(history)] = commands[..] else {
            panic!("{commands:?}");
        };
        assert_eq!(history, expected);
    }

    #[test]
    fn a_digit_calls_a_tool_that_the_server_has_reported() {
        let ui = Ui::from_environment();
        let mut session = session(&ui, false);
        assert!(session.handle(Event::Pressed(Key::TryTool(0))).is_empty());
        session.handle(ready("X_MCPO_TOOLS=greet:1:1"));
        let commands = session.handle(Event::Pressed(Key::TryTool(0)));
        let [Command::Try(ToolRequest::Find(tool))] = &commands[..] else {
            panic!("{commands:?}");
        };
        assert_eq!(tool, "greet");
        assert!(session.handle(Event::Pressed(Key::TryTool(1))).is_empty());
    }
}
