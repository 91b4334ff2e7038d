//! Hands each command to the actor that it is for, without waiting.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::messages::{
    change::Change,
    command::{BrowserPage, Command, Line, ServerHistory},
    event::Candidate,
    inputs::Inputs,
    request_event::RequestEvent,
    tool_call::ToolCall,
    tool_request::ToolRequest,
};

/// How many requests, and how many tool calls, may wait for the client progress. Clients decide how
/// many they send.
const REQUESTS: usize = 256;

/// The sending ends of all channels to actors.
///
/// Channels for single commands are not bounded, because the session must not wait for an actor
/// that may wait for the session. Saves and keys cause these commands, and the actors receive them
/// also while they are busy.
pub struct Dispatcher {
    inputs: watch::Sender<Inputs>,
    changes: mpsc::UnboundedSender<Change>,
    history: watch::Sender<ServerHistory>,
    candidates: mpsc::UnboundedSender<Candidate>,
    probes: mpsc::UnboundedSender<()>,
    tool_requests: mpsc::UnboundedSender<ToolRequest>,
    pages: mpsc::UnboundedSender<BrowserPage>,
    lines: mpsc::UnboundedSender<Line>,
    requests: mpsc::Sender<RequestEvent>,
    calls: mpsc::Sender<ToolCall>,
    stop: CancellationToken,
}

/// The receiving ends.
pub struct Inboxes {
    pub inputs: watch::Receiver<Inputs>,
    pub changes: mpsc::UnboundedReceiver<Change>,
    pub history: watch::Receiver<ServerHistory>,
    pub candidates: mpsc::UnboundedReceiver<Candidate>,
    pub probes: mpsc::UnboundedReceiver<()>,
    pub tool_requests: mpsc::UnboundedReceiver<ToolRequest>,
    pub pages: mpsc::UnboundedReceiver<BrowserPage>,
    pub lines: mpsc::UnboundedReceiver<Line>,
    pub requests: mpsc::Receiver<RequestEvent>,
    pub calls: mpsc::Receiver<ToolCall>,
}

impl Dispatcher {
    /// Creates all channels. [`Command::Stop`] cancels `stop`.
    pub fn new(stop: CancellationToken) -> (Self, Inboxes) {
        let (inputs, inputs_inbox) = watch::channel(Inputs::default());
        let (changes, changes_inbox) = mpsc::unbounded_channel();
        let (history, history_inbox) = watch::channel(ServerHistory::default());
        let (candidates, candidates_inbox) = mpsc::unbounded_channel();
        let (probes, probes_inbox) = mpsc::unbounded_channel();
        let (tool_requests, tool_requests_inbox) = mpsc::unbounded_channel();
        let (pages, pages_inbox) = mpsc::unbounded_channel();
        let (lines, lines_inbox) = mpsc::unbounded_channel();
        let (requests, requests_inbox) = mpsc::channel(REQUESTS);
        let (calls, calls_inbox) = mpsc::channel(REQUESTS);
        let dispatcher = Self {
            inputs,
            changes,
            history,
            candidates,
            probes,
            tool_requests,
            pages,
            lines,
            requests,
            calls,
            stop,
        };
        let inboxes = Inboxes {
            inputs: inputs_inbox,
            changes: changes_inbox,
            history: history_inbox,
            candidates: candidates_inbox,
            probes: probes_inbox,
            tool_requests: tool_requests_inbox,
            pages: pages_inbox,
            lines: lines_inbox,
            requests: requests_inbox,
            calls: calls_inbox,
        };
        (dispatcher, inboxes)
    }

    /// Sends a command. If its actor is gone, everything is stopping.
    pub fn send(&self, command: Command) {
        match command {
            Command::Watch(inputs) => {
                self.inputs.send_replace(inputs);
            }
            Command::Build(change) => {
                let _ = self.changes.send(change);
            }
            Command::Consider(history) => {
                self.history.send_replace(history);
            }
            Command::Run(candidate) => {
                let _ = self.candidates.send(candidate);
            }
            Command::Probe => {
                let _ = self.probes.send(());
            }
            Command::Try(request) => {
                let _ = self.tool_requests.send(request);
            }
            Command::OpenPage(page) => {
                let _ = self.pages.send(page);
            }
            Command::Edit(line) => {
                let _ = self.lines.send(line);
            }
            Command::Follow(request) => {
                // If the client progress is too slow, it misses requests.
                let _ = self.requests.try_send(request);
            }
            Command::FollowCall(call) => {
                let _ = self.calls.try_send(call);
            }
            Command::Stop => self.stop.cancel(),
        }
    }
}
