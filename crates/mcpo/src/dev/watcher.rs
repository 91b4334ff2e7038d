//! Gathers what a save does to the files that matter into one change.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    change::Change, inputs::Inputs, polling, scope::Scope, sleep::Clocks, snapshot::Snapshot,
};
use crate::error::{Failure, Outcome};
use crate::package::Package;
use crate::project::ENVIRONMENT_FILE;

/// Editors write a file in several steps, and formatters write it again.
const QUIET: Duration = Duration::from_millis(10);
/// Something that never stops writing must not keep a change back for ever.
const AT_MOST: Duration = Duration::from_millis(200);

/// `EMFILE`, which Linux returns at the limit of inotify instances.
const TOO_MANY_OPEN_FILES: i32 = 24;

/// Each new watch begins the stream of events anew on macOS, and what happens in between is not told.
const IS_DEAF_MEANWHILE: bool = cfg!(target_os = "macos");

/// The actor that turns file events into changes.
pub struct Watcher {
    scope: Scope,
    events: mpsc::UnboundedReceiver<(Instant, notify::Result<Event>)>,
    inputs: watch::Receiver<Inputs>,
    changes: mpsc::Sender<Change>,
    clocks: Clocks,
    is_polling: bool,
    /// The files as they were when somebody last told of them.
    known: Snapshot,
}

impl Watcher {
    /// Watches from here on, so that nothing is missed while the first build runs.
    pub fn new(
        package: &Package,
        inputs: watch::Receiver<Inputs>,
        changes: mpsc::Sender<Change>,
        is_polling: bool,
    ) -> Outcome<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let handler = move |event| {
            // Nobody listens any more once everything stops.
            let _ = sender.send((Instant::now(), event));
        };
        let start = || {
            <RecommendedWatcher as notify::Watcher>::new(handler, notify::Config::default())
                .map_err(|error| cannot_watch(&error))
        };
        let watcher = (!is_polling).then(start).transpose()?;
        let mut scope = Scope::new(package, watcher)?;
        let mut known = Snapshot::default();
        for file in scope.look_through()? {
            known.take(&file);
        }
        // An ignore file usually names it.
        known.take(&package.folder.join(ENVIRONMENT_FILE));
        Ok(Self {
            scope,
            events,
            inputs,
            changes,
            clocks: Clocks::new(),
            is_polling,
            known,
        })
    }

    /// Hands on changes until stopped.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        loop {
            let mut change = tokio::select! {
                Some((at, event)) = self.events.recv() => self.gather(at, event).await?,
                Ok(()) = self.inputs.changed() => self.follow_inputs()?,
                () = sleep(polling::INTERVAL), if self.is_polling => self.look_for_changes().await?,
                _ = self.clocks.slept() => self.look_for_changes().await?,
                () = stop.cancelled() => return Ok(()),
            };
            if self.scope.has_new_watches() && IS_DEAF_MEANWHILE {
                change.merge(self.look_for_changes().await?);
            }
            if change.executable || change.environment {
                // Without a builder everything is stopping.
                let _ = self.changes.send(change).await;
            }
        }
    }

    /// Takes the event and all that follow it closely.
    async fn gather(&mut self, at: Instant, event: notify::Result<Event>) -> Outcome<Change> {
        let mut change = Change::new();
        (change.since, change.latest) = (at, at);
        self.take(&mut change, event)?;
        while change.since.elapsed() < AT_MOST {
            match timeout(QUIET, self.events.recv()).await {
                Ok(Some((_, event))) => self.take(&mut change, event)?,
                Ok(None) | Err(_) => break,
            }
        }
        Ok(change)
    }

    fn take(&mut self, change: &mut Change, event: notify::Result<Event>) -> Outcome<()> {
        let event = event.map_err(|error| Failure::new("failed to watch files").because(&error))?;
        if event.need_rescan() {
            // The kernel lost count of them; cargo will find out.
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
            // A new folder comes with files that nobody reported.
            for file in self.scope.watch_tree(&path)? {
                self.take_file(change, file);
            }
        }
        self.take_file(change, path);
        Ok(())
    }

    fn take_file(&mut self, change: &mut Change, path: PathBuf) {
        self.known.take(&path);
        let environment = self.scope.is_environment(&path);
        let executable = self.scope.is_input(&path, &self.inputs.borrow());
        if environment || executable {
            change.environment |= environment;
            change.executable |= executable;
            change.files.insert(self.scope.shown(path));
        }
    }

    /// After a time in which nobody looked: what changed without an event. Other machines share
    /// folders, and another system may have run on this one.
    async fn look_for_changes(&mut self) -> Outcome<Change> {
        // What was told meanwhile is no news twice.
        let mut change = match timeout(QUIET, self.events.recv()).await {
            Ok(Some((at, event))) => self.gather(at, event).await?,
            Ok(None) | Err(_) => Change::new(),
        };
        let mut files = self.scope.look_through()?;
        files.extend(self.known.files());
        for file in files {
            if self.known.take(&file) {
                self.take_file(&mut change, file);
            }
        }
        Ok(change)
    }

    /// Watches what the last build read, and finds out what changed before it was watched.
    fn follow_inputs(&mut self) -> Outcome<Change> {
        let inputs = self.inputs.borrow_and_update().clone();
        let mut change = Change::new();
        for file in self.scope.watch_inputs(&inputs)? {
            self.known.take(&file);
            let written = file.metadata().and_then(|file| file.modified());
            // In the same instant counts as later: files are dated by a clock of few ticks.
            if written.is_ok_and(|written| written >= inputs.built) {
                change.executable = true;
                change.files.insert(self.scope.shown(file));
            }
        }
        Ok(change)
    }
}

/// The failure to start a watcher: on Linux, each program needs an inotify instance (`inotify(7)`).
fn cannot_watch(error: &notify::Error) -> Failure {
    let failure = Failure::new("failed to watch files").because(error);
    match &error.kind {
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(TOO_MANY_OPEN_FILES) => {
            failure.hint(
                "raise the limit: sudo sysctl fs.inotify.max_user_instances=1024, or use mcpo dev \
                 --poll",
            )
        }
        _ => failure.hint("mcpo dev --poll works without file events"),
    }
}

/// Whether the event is about content; that somebody read a file is not.
const fn alters(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access)
        if !matches!(access, AccessKind::Close(AccessMode::Write)))
}
