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
};

/// The actor that follows the clients.
pub struct ClientProgress {
    pub requests: mpsc::Receiver<RequestEvent>,
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
                () = look => {}
            }
            for stopped in flows.stopped(Instant::now()) {
                self.events.send(Event::ClientStopped(stopped)).await;
            }
        }
    }
}
