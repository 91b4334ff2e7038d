//! Hands each command to the actor that it is for, without waiting.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::messages::{
    change::Change,
    command::{Command, ServerHistory},
    event::Candidate,
    inputs::Inputs,
    request_event::RequestEvent,
};

/// How many requests may wait for the client progress. Clients decide how many they send.
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
    probes: mpsc::UnboundedSender<Option<String>>,
    requests: mpsc::Sender<RequestEvent>,
    stop: CancellationToken,
}

/// The receiving ends.
pub struct Inboxes {
    pub inputs: watch::Receiver<Inputs>,
    pub changes: mpsc::UnboundedReceiver<Change>,
    pub history: watch::Receiver<ServerHistory>,
    pub candidates: mpsc::UnboundedReceiver<Candidate>,
    /// The tool that each probe must call.
    pub probes: mpsc::UnboundedReceiver<Option<String>>,
    pub requests: mpsc::Receiver<RequestEvent>,
}

impl Dispatcher {
    /// Creates all channels. [`Command::Stop`] cancels `stop`.
    pub fn new(stop: CancellationToken) -> (Self, Inboxes) {
        let (inputs, inputs_inbox) = watch::channel(Inputs::default());
        let (changes, changes_inbox) = mpsc::unbounded_channel();
        let (history, history_inbox) = watch::channel(ServerHistory::default());
        let (candidates, candidates_inbox) = mpsc::unbounded_channel();
        let (probes, probes_inbox) = mpsc::unbounded_channel();
        let (requests, requests_inbox) = mpsc::channel(REQUESTS);
        let dispatcher = Self {
            inputs,
            changes,
            history,
            candidates,
            probes,
            requests,
            stop,
        };
        let inboxes = Inboxes {
            inputs: inputs_inbox,
            changes: changes_inbox,
            history: history_inbox,
            candidates: candidates_inbox,
            probes: probes_inbox,
            requests: requests_inbox,
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
            Command::Probe(tool) => {
                let _ = self.probes.send(tool);
            }
            Command::Follow(request) => {
                // If the client progress is too slow, it misses requests.
                let _ = self.requests.try_send(request);
            }
            Command::Stop => self.stop.cancel(),
        }
    }
}
