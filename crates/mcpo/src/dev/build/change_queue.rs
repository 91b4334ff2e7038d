//! Queues file changes for the builder and holds them back while a rebuild loop is suspected.

use std::time::Instant;

use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    loop_detector::{LoopDetector, Verdict},
    restart_backoff::{AT_START, RestartBackoff},
};
use crate::dev::messages::{
    change::Change,
    command::ServerHistory,
    event::{Event, EventSender},
};

/// The queue of changes in front of the builder.
pub struct ChangeQueue {
    changes: mpsc::UnboundedReceiver<Change>,
    history: watch::Receiver<ServerHistory>,
    events: EventSender,
    detector: LoopDetector,
    backoff: RestartBackoff,
    /// When the last build ended.
    settled: Option<Instant>,
}

impl ChangeQueue {
    pub fn new(
        changes: mpsc::UnboundedReceiver<Change>,
        history: watch::Receiver<ServerHistory>,
        events: EventSender,
    ) -> Self {
        Self {
            changes,
            history,
            events,
            detector: LoopDetector::new(),
            backoff: RestartBackoff::default(),
            settled: None,
        }
    }

    /// Records that a build has ended.
    pub fn settle(&mut self) {
        self.settled = Some(Instant::now());
    }

    /// Returns the change to handle now: `known` if given, otherwise the next one. Returns `None`
    /// once everything stops.
    pub async fn next(
        &mut self,
        known: Option<Change>,
        stop: &CancellationToken,
    ) -> Option<Change> {
        let change = self.admitted(known, stop).await?;
        let change = self.after_a_pause(change, stop).await?;
        self.detector.begin(&change);
        Some(change)
    }

    /// Returns a change that arrives while another one is being handled.
    pub async fn meanwhile(&mut self) -> Option<Change> {
        self.changes.recv().await
    }

    /// Returns true if the running build is still valid, because the build itself made the change.
    pub fn disregards(&self, change: &Change) -> bool {
        self.detector.disregards(change, self.settled)
    }

    /// Returns the next change that the loop detector lets through, or `None` once everything
    /// stops.
    async fn admitted(
        &mut self,
        mut next: Option<Change>,
        stop: &CancellationToken,
    ) -> Option<Change> {
        loop {
            let change = match next.take() {
                Some(change) => change,
                None => tokio::select! {
                    Some(change) = self.changes.recv() => change,
                    () = until(self.detector.again()) => match self.detector.try_again() {
                        Some(change) => return Some(change),
                        None => continue,
                    },
                    () = stop.cancelled() => return None,
                },
            };
            match self.detector.judge(change, self.settled) {
                Verdict::Go(change) => return Some(change),
                Verdict::Hold => {}
                Verdict::Tell(files) => {
                    let explanation = format!(
                        "{files} is written by every build, which would rebuild forever; it is \
                         ignored until it changes outside a build, another file changes, or you \
                         press r. Write it elsewhere, or only if its content changes"
                    );
                    self.report_loop(files, explanation).await;
                }
            }
        }
    }

    /// Waits if the crash loop detection asks for a pause. Returns the change, merged with those
    /// that arrived in the meantime.
    async fn after_a_pause(
        &mut self,
        mut change: Change,
        stop: &CancellationToken,
    ) -> Option<Change> {
        let ServerHistory { started, crashes } = *self.history.borrow();
        let Some(pause) = self.backoff.pause(&change, started, crashes) else {
            return Some(change);
        };
        if self.backoff.has_just_begun() {
            let files = change.describe().unwrap_or_default();
            let explanation = if self.backoff.has_crashed() {
                format!(
                    "each start of the server writes {files} and then stops; the next start \
                         waits, longer each time; press r to start now"
                )
            } else {
                format!(
                    "each start of the server writes {files}, which the build may read; the next \
                         reload waits, longer each time; press r to reload now. Write the file to \
                         a folder listed in .gitignore"
                )
            };
            self.report_loop(files, explanation).await;
        }
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(until.into()) => return Some(change),
                () = stop.cancelled() => return None,
                Some(later) = self.changes.recv() => {
                    let after = started.map(|started| later.latest.duration_since(started));
                    let is_of_start = after.is_some_and(|after| after < AT_START);
                    let is_wanted_now = later.files.is_empty() || !is_of_start;
                    change.merge(later);
                    if is_wanted_now {
                        return Some(change);
                    }
                }
            }
        }
    }

    async fn report_loop(&self, files: String, explanation: String) {
        let event = Event::LoopFound { files, explanation };
        self.events.send(event).await;
    }
}

/// Waits until `at`, or forever if it is `None`.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
