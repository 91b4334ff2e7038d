//! Follows the requests of each client, and reports where a client stopped.

mod clients;
mod flow;

use std::time::Instant;

use mcpo_common::ui::Ui;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep_until};
use tokio_util::sync::CancellationToken;

use self::flow::{Flows, Stopped};
use crate::dev::{channels::Desk, run::request_event::Notice};

/// The actor that follows the clients.
pub struct Trail<'a> {
    pub notices: mpsc::Receiver<Notice>,
    pub desk: &'a Desk,
    pub ui: &'a Ui,
}

impl Trail<'_> {
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
                Some(notice) = self.notices.recv() => {
                    let who = flows.take(&notice, Instant::now());
                    self.tell(&who, &notice);
                }
                () = look => {}
            }
            for stopped in flows.stopped(Instant::now()) {
                self.tell_stopped(&stopped);
            }
        }
    }

    fn tell(&self, who: &str, notice: &Notice) {
        self.desk.event(self.ui, || {
            json!({
                "event": "request", "client": who, "step": notice.step, "method": notice.method,
                "status": notice.status, "milliseconds": notice.milliseconds,
            })
        });
        if self.desk.tells_requests.get() {
            let Notice {
                step,
                method,
                status,
                milliseconds,
                ..
            } = notice;
            self.ui.step(
                "Request",
                format_args!("{who}: {step}, {method} {status} in {milliseconds} ms"),
            );
        }
    }

    fn tell_stopped(&self, stopped: &Stopped) {
        let Stopped {
            title,
            step,
            status,
            seconds,
            next,
            causes,
        } = stopped;
        self.desk.event(self.ui, || {
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
