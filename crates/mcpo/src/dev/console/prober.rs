//! Probes the server as claude.ai does, to report what a change broke.

use std::time::Duration;

use mcpo_common::error::Outcome;
use mcpo_probe::{Credentials, Quiet};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::self_test::SelfTest;
use crate::dev::messages::{
    event::{Event, EventSender},
    self_test::TestKind,
};

/// How long a probe waits. A server that was just replaced still accepts the connections that had
/// arrived, and a probe must not reach it.
const HANDOVER_TIME: Duration = Duration::from_millis(250);

/// The actor behind `--probe` and the key that probes.
pub struct Prober {
    pub self_test: SelfTest,
    pub probes: mpsc::UnboundedReceiver<()>,
    pub events: EventSender,
}

impl Prober {
    /// Probes when commanded, until stopped. Each probe reuses the credentials of the previous one,
    /// to check that a reload did not forget them.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        let mut kept: Vec<Credentials> = Vec::new();
        loop {
            let commanded = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                commanded = self.probes.recv() => commanded,
            };
            if commanded.is_none() {
                return Ok(());
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(HANDOVER_TIME) => {}
            }
            // One probe is enough for all servers that took over in the meantime.
            while self.probes.try_recv().is_ok() {}
            self.events.send(Event::TestStarted(TestKind::Probe)).await;
            let mut plan = match self.self_test.plan() {
                Ok((plan, _)) => plan,
                // The environment file may be half written; the next probe reads it again.
                Err(failure) => {
                    let test = TestKind::Probe;
                    self.events.send(Event::TestFailed { test, failure }).await;
                    continue;
                }
            };
            plan.kept = std::mem::take(&mut kept);
            let mut quiet = Quiet;
            let mut report = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                report = Box::pin(mcpo_probe::run(&plan, &mut quiet)) => report,
            };
            kept.extend(report.credentials.take());
            self.events.send(Event::Probed(Box::new(report))).await;
        }
    }
}
