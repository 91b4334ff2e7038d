//! Combines the file events of a save into one change.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use mcpo_common::{
    error::{Failure, Outcome},
    package::Package,
    project::ENVIRONMENT_FILE,
};
use notify::{
    EventKind, RecommendedWatcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    filter::Filter,
    polling::{self, NoEvents},
    snapshot::Snapshot,
    suspend_detector::SuspendDetector,
};
use crate::dev::messages::{
    change::Change,
    event::{Event, EventSender},
    inputs::Inputs,
};

/// How long to wait for further events. Editors write a file in several steps, and formatters write
/// it again.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// The longest time to collect events, so that a program that never stops writing cannot hold back
/// a change forever.
const MAX_DEBOUNCE: Duration = Duration::from_millis(200);

/// Whether adding a watch restarts the event stream, so that events in between are lost. macOS
/// does.
const IS_DEAF_MEANWHILE: bool = cfg!(target_os = "macos");

/// The actor that turns file events into changes.
pub struct Watcher {
    filter: Filter,
    events: mpsc::UnboundedReceiver<(Instant, notify::Result<notify::Event>)>,
    inputs: watch::Receiver<Inputs>,
    sender: EventSender,
    suspend_detector: SuspendDetector,
    /// Why the system's watcher did not start, until that is reported.
    no_events: Option<NoEvents>,
    /// The last known states of the files.
    known: Snapshot,
}

impl Watcher {
    /// Starts watching immediately, so that no event is missed while the first build runs.
    pub fn new(
        package: &Package,
        inputs: watch::Receiver<Inputs>,
        sender: EventSender,
        is_polling: bool,
    ) -> Outcome<Self> {
        let (notifier, events) = mpsc::unbounded_channel();
        let handler = move |event| {
            // Fails only while everything stops and the receiver is gone.
            let _ = notifier.send((Instant::now(), event));
        };
        let mut no_events = None;
        let start = || {
            <RecommendedWatcher as notify::Watcher>::new(handler, notify::Config::default())
                .inspect_err(|error| no_events = Some(NoEvents::of(error)))
                .ok()
        };
        let watcher = if is_polling { None } else { start() };
        let mut filter = Filter::new(package, watcher)?;
        let mut known = Snapshot::default();
        for file in filter.look_through()? {
            known.take(&file);
        }
        // Added separately, because an ignore file usually lists it.
        known.take(&package.folder.join(ENVIRONMENT_FILE));
        Ok(Self {
            filter,
            events,
            inputs,
            sender,
            suspend_detector: SuspendDetector::new(),
            no_events,
            known,
        })
    }

    /// Sends changes to the builder until stopped.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        loop {
            if let Some(reason) = self.no_events.take().or_else(|| self.filter.given_up()) {
                self.sender.send(Event::Warning(reason.to_string())).await;
            }
            let is_polling = self.filter.is_polling();
            let mut change = tokio::select! {
                Some((at, event)) = self.events.recv() => self.gather(at, event).await?,
                Ok(()) = self.inputs.changed() => self.follow_inputs()?,
                () = sleep(polling::INTERVAL), if is_polling => self.look_for_changes().await?,
                _ = self.suspend_detector.slept() => self.look_for_changes().await?,
                () = stop.cancelled() => return Ok(()),
            };
            if self.filter.has_new_watches() && IS_DEAF_MEANWHILE {
                change.merge(self.look_for_changes().await?);
            }
            if change.executable || change.environment {
                self.sender.send(Event::Changed(change)).await;
            }
        }
    }

    /// Collects this event and all events that follow it closely.
    async fn gather(
        &mut self,
        at: Instant,
        event: notify::Result<notify::Event>,
    ) -> Outcome<Change> {
        let mut change = Change::new();
        (change.since, change.latest) = (at, at);
        self.take(&mut change, event)?;
        while change.since.elapsed() < MAX_DEBOUNCE {
            match timeout(DEBOUNCE, self.events.recv()).await {
                Ok(Some((_, event))) => self.take(&mut change, event)?,
                Ok(None) | Err(_) => break,
            }
        }
        Ok(change)
    }

    fn take(&mut self, change: &mut Change, event: notify::Result<notify::Event>) -> Outcome<()> {
        let event = event.map_err(|error| Failure::new("failed to watch files").because(&error))?;
        if event.need_rescan() {
            // The kernel dropped events. Build to be safe; cargo finds out what changed.
            change.executable = true;
            change.environment = true;
        }
        if !alters(event.kind) {
            return Ok(());
        }
        for path in event.paths {
            self.take_path(change, path)?;
        }
        Ok(())
    }

    fn take_path(&mut self, change: &mut Change, path: PathBuf) -> Outcome<()> {
        if path.is_dir() {
            // There may be no separate events for the files in a new folder.
            for file in self.filter.watch_tree(&path)? {
                self.take_file(change, file);
            }
        }
        self.take_file(change, path);
        Ok(())
    }

    fn take_file(&mut self, change: &mut Change, path: PathBuf) {
        self.known.take(&path);
        let environment = self.filter.is_environment(&path);
        let executable = self.filter.is_input(&path, &self.inputs.borrow());
        if environment || executable {
            change.environment |= environment;
            change.executable |= executable;
            change.files.insert(self.filter.shown(path));
        }
    }

    /// Finds files that changed without an event, for example while the machine slept: other
    /// machines may share the folder, or another system may have run on this one.
    async fn look_for_changes(&mut self) -> Outcome<Change> {
        // Events that have already arrived must not be counted again.
        let mut change = match timeout(DEBOUNCE, self.events.recv()).await {
            Ok(Some((at, event))) => self.gather(at, event).await?,
            Ok(None) | Err(_) => Change::new(),
        };
        let mut files = self.filter.look_through()?;
        files.extend(self.known.files());
        for file in files {
            if self.known.take(&file) {
                self.take_file(&mut change, file);
            }
        }
        Ok(change)
    }

    /// Watches the files that the last build read, and finds those that changed before they were
    /// watched.
    fn follow_inputs(&mut self) -> Outcome<Change> {
        let inputs = self.inputs.borrow_and_update().clone();
        let mut change = Change::new();
        for file in self.filter.watch_inputs(&inputs)? {
            self.known.take(&file);
            let written = file.metadata().and_then(|file| file.modified());
            // Equal times count as later, because file times have a coarse resolution.
            if written.is_ok_and(|written| written >= inputs.built) {
                change.executable = true;
                change.files.insert(self.filter.shown(file));
            }
        }
        Ok(change)
    }
}

/// Returns true if the event changes content. Reading a file does not.
const fn alters(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access)
        if !matches!(access, AccessKind::Close(AccessMode::Write)))
}
