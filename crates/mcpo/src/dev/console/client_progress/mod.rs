//! Follows the requests of each client, and reports where a client stopped.

mod clients;
mod flow;

use std::time::Instant;

use mcpo_common::ui::Ui;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep_until};
use tokio_util::sync::CancellationToken;

use self::flow::{Flows, Stopped};
use crate::dev::{channels::Channels, run::request_event::RequestEvent};

/// The actor that follows the clients.
pub struct ClientProgress<'a> {
    pub requests: mpsc::Receiver<RequestEvent>,
    pub channels: &'a Channels,
    pub ui: &'a Ui,
}

impl ClientProgress<'_> {
    /// Handles notices until stopped.
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
                    let who = flows.take(&request, Instant::now());
                    self.report(&who, &request);
                }
                () = look => {}
            }
            for stopped in flows.stopped(Instant::now()) {
                self.report_stopped(&stopped);
            }
        }
    }

    fn report(&self, who: &str, request: &RequestEvent) {
        self.channels.event(self.ui, || {
            json!({
                "event": "request", "client": who, "step": request.step, "method": request.method,
                "status": request.status, "milliseconds": request.milliseconds,
            })
        });
        if self.channels.shows_requests.get() {
            let RequestEvent {
                step,
                method,
                status,
                milliseconds,
                ..
            } = request;
            self.ui.step(
                "Request",
                format_args!("{who}: {step}, {method} {status} in {milliseconds} ms"),
            );
        }
    }

    fn report_stopped(&self, stopped: &Stopped) {
        let Stopped {
            title,
            step,
            status,
            seconds,
            next,
            causes,
        } = stopped;
        self.channels.event(self.ui, || {
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
}
