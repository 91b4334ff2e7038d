//! What to do. Commands flow from the session to the actors.

use std::time::Instant;

use super::{
    change::Change, event::Candidate, inputs::Inputs, request_event::RequestEvent,
    tool_call::ToolCall, tool_request::ToolRequest,
};

/// One command, which is for one actor.
#[derive(Debug)]
pub enum Command {
    /// The watcher must notice changes of these files.
    Watch(Inputs),
    /// The builder must build, because of this change.
    Build(Change),
    /// The builder must consider these servers when it looks for restart loops.
    Consider(ServerHistory),
    /// The supervisor must replace the server with this executable.
    Run(Candidate),
    /// The prober must probe the server.
    Probe,
    /// The tool caller must do this.
    Try(ToolRequest),
    /// The browser must open this page.
    OpenPage(BrowserPage),
    /// The keyboard must let the user edit a line.
    Edit(Line),
    /// The client progress must follow this request.
    Follow(RequestEvent),
    /// The client progress must find the client that made this call.
    FollowCall(ToolCall),
    /// All actors must stop.
    Stop,
}

/// The page on which claude.ai adds connectors.
pub const CONNECTORS: &str = "https://claude.ai/settings/connectors";

/// A page for the user's browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserPage {
    /// The browser view.
    View,
    /// claude.ai's list of connectors.
    Connectors,
}

/// A line that the user can edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub prompt: String,
    pub text: String,
}

/// What happened to the servers so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerHistory {
    /// When the last server was started.
    pub started: Option<Instant>,
    /// The number of servers that have stopped by themselves.
    pub crashes: u32,
}
