//! Follows the requests of each client, and reports where a client stopped.

mod clients;
mod flow;

use std::time::Instant;

use tokio::{sync::mpsc, time::sleep_until};
use tokio_util::sync::CancellationToken;

use self::flow::Flows;
use crate::dev::messages::{
    event::{Event, EventSender},
    request_event::RequestEvent,
    tool_call::ToolCall,
};

/// The actor that follows the clients.
pub struct ClientProgress {
    pub requests: mpsc::Receiver<RequestEvent>,
    pub calls: mpsc::Receiver<ToolCall>,
    pub events: EventSender,
}

impl ClientProgress {
    /// Follows requests until stopped.
    pub async fn run(mut self, stop: &CancellationToken) {
        let mut flows = Flows::default();
        loop {
            let look = async {
                match flows.next_look() {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Handle requests that have arrived before reporting that one is missing.
                biased;
                () = stop.cancelled() => return,
                Some(request) = self.requests.recv() => {
                    let client = flows.take(&request, Instant::now());
                    self.events.send(Event::ClientContinued { client, request }).await;
                }
                Some(call) = self.calls.recv() => {
                    let client = flows.client_of(&call);
                    self.events.send(Event::ClientCalled { client, call }).await;
                }
                () = look => {}
            }
            for stopped in flows.stopped(Instant::now()) {
                self.events.send(Event::ClientStopped(stopped)).await;
            }
        }
    }
}
