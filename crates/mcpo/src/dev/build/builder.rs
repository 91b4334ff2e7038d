//! Builds an executable from the current files on disk.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant, SystemTime},
};

use mcpo_common::{error::Outcome, project::STATE_FOLDER};
use tokio_util::sync::CancellationToken;

use super::{
    cargo::{Build, Cargo},
    change_queue::ChangeQueue,
    dependency_cache::DependencyCache,
    fast_build::FastBuild,
};
use crate::dev::{
    messages::{
        change::Change,
        event::{Candidate, Event, EventSender},
        inputs::Inputs,
    },
    watch::{inputs, stale_mtime},
};

/// A build that has run this long is compiling dependencies, and it is worth waiting for their
/// results. A shorter build is cancelled when a newer change makes its result useless.
const WORTH_KEEPING: Duration = Duration::from_secs(2);

/// The actor that turns changes into candidates.
pub struct Builder<'a> {
    maker: Maker<'a>,
    queue: ChangeQueue,
    events: EventSender,
    /// The files that the last build read.
    inputs: Inputs,
    /// The executable of the last successful build.
    executable: Option<PathBuf>,
}

/// The two ways to build an executable.
struct Maker<'a> {
    cargo: Cargo,
    fast_build: FastBuild<'a>,
}

/// The way that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BuildMethod {
    Short,
    Cargo,
}

impl Maker<'_> {
    /// Builds the current files, by the fast build if the change allows it.
    async fn make(
        &mut self,
        change: &Change,
        inputs: &Inputs,
        cancel: &CancellationToken,
    ) -> Outcome<(Build, BuildMethod)> {
        let colours = self.cargo.has_colours();
        let short = self.fast_build.build(change, inputs, colours, cancel).await;
        if let Some(build) = short {
            return Ok((build, BuildMethod::Short));
        }
        stale_mtime::forget_what_looks_old(self.cargo.package(), change, inputs);
        let build = self.cargo.build(change.was_meant(), cancel).await?;
        Ok((build, BuildMethod::Cargo))
    }
}

/// Caches the compiled dependencies in the background. A failure does not affect this project.
fn store_dependencies(cargo: &Cargo) {
    let (package, local) = (cargo.package().clone(), cargo.local());
    let keep = move || {
        let cache = DependencyCache::of(&package).filter(DependencyCache::is_worth_keeping);
        cache.map(|cache| cache.keep(&local))
    };
    drop(tokio::task::spawn_blocking(keep));
}

impl<'a> Builder<'a> {
    pub fn new(
        cargo: Cargo,
        fast_build: FastBuild<'a>,
        queue: ChangeQueue,
        events: EventSender,
    ) -> Self {
        Self {
            maker: Maker { cargo, fast_build },
            queue,
            events,
            inputs: Inputs::default(),
            executable: None,
        }
    }

    /// Builds once, then after every change, until stopped.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        let mut next = Some(Change::start());
        // If the cache cannot be read, the build only takes longer.
        let restored = DependencyCache::of(self.maker.cargo.package()).map(|cache| cache.restore());
        if let Some(Ok(true)) = restored {
            self.events.send(Event::DependenciesCopied).await;
        }
        loop {
            let Some(change) = self.queue.next(next.take(), stop).await else {
                return Ok(());
            };
            next = self.follow(change, stop).await?;
            if stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Handles a change. Returns the next change to handle, if one arrived in the meantime.
    async fn follow(
        &mut self,
        mut change: Change,
        stop: &CancellationToken,
    ) -> Outcome<Option<Change>> {
        if !change.executable
            && let Some(executable) = self.executable.clone()
        {
            self.queue.settle();
            self.propose(executable, change).await;
            return Ok(None);
        }
        let began =
            stale_mtime::time_of_files(&self.maker.cargo.package().folder.join(STATE_FOLDER));
        let files = change.files.clone();
        self.events.send(Event::BuildStarted(files)).await;
        let ((build, method), later) = self.build(&change, stop).await?;
        self.queue.settle();
        if let Some(later) = &later
            && later.makes_build_useless()
            && !self.queue.disregards(later)
        {
            change.merge(later.clone());
            return Ok(Some(change));
        }
        match build {
            Build::Done(executable) => {
                self.publish_inputs(&executable, method, began).await;
                self.executable = Some(executable.clone());
                self.propose(executable, change).await;
            }
            Build::Failed(said) => self.report_failure(&change, None, said, began).await,
            Build::Killed(status) => {
                let said = String::new();
                self.report_failure(&change, Some(status), said, began)
                    .await;
            }
            Build::Cancelled => {}
        }
        Ok(later)
    }

    /// Builds, and collects the changes that arrive in the meantime.
    async fn build(
        &mut self,
        change: &Change,
        stop: &CancellationToken,
    ) -> Outcome<((Build, BuildMethod), Option<Change>)> {
        let began = Instant::now();
        let cancel = stop.child_token();
        let inputs = self.inputs.clone();
        let build = self.maker.make(change, &inputs, &cancel);
        tokio::pin!(build);
        let mut later: Option<Change> = None;
        loop {
            tokio::select! {
                build = &mut build => return Ok((build?, later)),
                Some(change) = self.queue.meanwhile() => {
                    let is_own = self.queue.disregards(&change);
                    if change.makes_build_useless() && !is_own && began.elapsed() < WORTH_KEEPING {
                        cancel.cancel();
                    }
                    match &mut later {
                        Some(later) => later.merge(change),
                        None => later = Some(change),
                    }
                }
            }
        }
    }

    async fn report_failure(
        &mut self,
        change: &Change,
        killed: Option<ExitStatus>,
        said: String,
        began: SystemTime,
    ) {
        self.inputs.built = began;
        self.inputs.failed = true;
        self.events
            .send(Event::InputsRead(self.inputs.clone()))
            .await;
        let has_executable = self.executable.is_some();
        let event = Event::BuildFailed {
            files: change.files.clone(),
            said,
            killed,
            has_executable,
        };
        self.events.send(event).await;
    }

    /// Publishes the files that matter from now on.
    async fn publish_inputs(&mut self, executable: &Path, method: BuildMethod, began: SystemTime) {
        let Maker { cargo, fast_build } = &mut self.maker;
        let inputs = match method {
            BuildMethod::Short => {
                let files = fast_build.inputs(&self.inputs);
                let files = files.ok_or_else(|| io::Error::other("its list is missing"));
                files.map(|files| Inputs {
                    files,
                    built: began,
                    failed: false,
                })
            }
            BuildMethod::Cargo => {
                fast_build.learn();
                store_dependencies(cargo);
                inputs::of(executable, cargo.package(), began)
            }
        };
        let event = match inputs {
            Ok(inputs) => {
                self.inputs.clone_from(&inputs);
                Event::InputsRead(inputs)
            }
            Err(error) => Event::Warning(format!(
                "only Rust files are watched: failed to read the dependency file of {}: {error}",
                executable.display()
            )),
        };
        self.events.send(event).await;
    }

    async fn propose(&self, executable: PathBuf, change: Change) {
        let candidate = Candidate { executable, change };
        self.events.send(Event::Built(candidate)).await;
    }
}
