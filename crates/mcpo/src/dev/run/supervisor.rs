//! Replaces the running server, but only with a server that is ready.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Instant, SystemTime},
};

use mcpo_common::{
    error::{Failure, Outcome},
    package::Package,
    project,
    ui::Ui,
};
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    listener::{Listener, Mode},
    request_event::RequestEvent,
    server::{Happening, Launch, READY_TIMEOUT, Server, Start},
};
use crate::dev::{
    build::builder::Candidate,
    channels::Channels,
    local_access::{LocalOnly, has_local_base},
    stop::Stop,
    tools::Tools,
    watch::change::Change,
};

/// The actor that owns the listener and the servers behind it.
pub struct Supervisor<'a> {
    package: Package,
    state: PathBuf,
    listener: Listener,
    outward: Outward,
    ui: &'a Ui,
    /// The server that answers.
    current: Option<Running>,
    /// The server that takes over once it is ready, and the change that it contains.
    next: Option<(Running, Change)>,
    channels: &'a Channels,
    /// Old servers that are finishing their calls.
    retiring: JoinSet<()>,
}

/// The channels to the other actors.
pub struct Outward {
    pub candidates: mpsc::Receiver<Candidate>,
    /// Counts the servers that took over.
    pub ready: watch::Sender<u64>,
    /// The requests that servers report.
    pub requests: mpsc::Sender<RequestEvent>,
    /// Whether the proxy refuses other machines.
    pub local_only: LocalOnly,
}

/// A server, and the build it came from.
struct Running {
    server: Server,
    stamp: Option<Stamp>,
    /// Whether the server's base URL names this machine.
    is_local: bool,
}

/// Identifies the executable of one build: device and inode if the system has them, size, and
/// modification time.
type Stamp = ((u64, u64), u64, SystemTime);

/// The events that the supervisor handles.
enum Event {
    Candidate(Candidate),
    Started(io::Result<Start>),
    Happened(Happening),
    Stop,
}

impl<'a> Supervisor<'a> {
    pub fn new(
        package: Package,
        listener: Listener,
        outward: Outward,
        channels: &'a Channels,
        ui: &'a Ui,
    ) -> Outcome<Self> {
        Ok(Self {
            state: project::state_folder(&package.folder)?,
            package,
            listener,
            outward,
            ui,
            current: None,
            next: None,
            channels,
            retiring: JoinSet::new(),
        })
    }

    /// Runs servers until stopped. No server process is left when it returns.
    pub async fn run(mut self, stop: &Stop) {
        loop {
            match self.event(stop).await {
                Event::Candidate(candidate) => self.try_out(candidate, stop),
                Event::Started(start) => self.settle(start, stop),
                Event::Happened(Happening::Exited(status)) => self.crashed(status),
                Event::Happened(Happening::Request(request)) => {
                    // If the receiver is too slow, it misses notices. The server must not be
                    // blocked.
                    let _ = self.outward.requests.try_send(request);
                }
                Event::Stop => break,
            }
            // Collect the servers that have ended.
            while self.retiring.try_join_next().is_some() {}
        }
        let next = self.next.take().map(|(running, _)| running);
        for running in self.current.take().into_iter().chain(next) {
            self.retire(running, stop);
        }
        self.retiring.join_all().await;
    }

    async fn event(&mut self, stop: &Stop) -> Event {
        let started = async {
            match &mut self.next {
                Some((running, _)) => running.server.started().await,
                None => std::future::pending().await,
            }
        };
        let happened = async {
            match &mut self.current {
                Some(running) => running.server.happens().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.gently.cancelled() => Event::Stop,
            candidate = self.outward.candidates.recv() => candidate.map_or(Event::Stop, Event::Candidate),
            start = started => Event::Started(start),
            happening = happened => Event::Happened(happening),
        }
    }

    /// Starts the candidate next to the current server. A newer candidate replaces an older one.
    fn try_out(&mut self, candidate: Candidate, stop: &Stop) {
        let Candidate {
            executable,
            mut change,
        } = candidate;
        let stamp = stamp(&executable).ok();
        let latest = self.next.as_ref().map(|(running, _)| running);
        let latest = latest.or(self.current.as_ref());
        let same = stamp.is_some() && latest.is_some_and(|running| running.stamp == stamp);
        if same && !change.environment {
            if change.was_meant() {
                let what = change.describe().unwrap_or_default();
                self.ui.step(
                    "Unchanged",
                    format_args!("{what} does not change the executable"),
                );
            }
            return;
        }
        if let Some((overtaken, earlier)) = self.next.take() {
            self.retire(overtaken, stop);
            change.merge(earlier);
        }
        match self.start(&executable) {
            Ok((server, is_local)) => {
                let running = Running {
                    server,
                    stamp,
                    is_local,
                };
                self.next = Some((running, change));
            }
            Err(failure) => {
                self.ui.failure(&failure);
                self.not_swapped("the new server did not start");
            }
        }
    }

    /// Starts a server. Also returns whether its base URL names this machine.
    fn start(&self, executable: &Path) -> Outcome<(Server, bool)> {
        self.channels.started.set(Some(Instant::now()));
        // Read at every start, because the environment file may have changed.
        let environment = self.channels.environment(&self.package.folder)?;
        let is_local = has_local_base(&environment);
        if is_local {
            // The new server may get connections before it reports that it is ready.
            self.outward.local_only.set(true);
        }
        let server = Server::start(&Launch {
            executable,
            folder: &self.package.folder,
            state: &self.state,
            listener: &self.listener,
            environment: &environment,
        });
        let server = server.map_err(|error| {
            Failure::new(format!("failed to start {}", executable.display())).because(&error)
        })?;
        Ok((server, is_local))
    }

    /// Swaps the servers if the new one is ready.
    fn settle(&mut self, start: io::Result<Start>, stop: &Stop) {
        let Some((running, change)) = self.next.take() else {
            return;
        };
        match start {
            Ok(Start::Ready)
                if self.listener.mode() == Mode::Proxy && running.server.address().is_none() =>
            {
                self.not_swapped(
                    "the new server did not report its address, as servers of this version do",
                );
            }
            Ok(Start::Ready) => {
                self.listener.proxy_to(running.server.address());
                // From now on the new server gets the connections. Only then is the reload
                // reported.
                if let Some(old) = self.current.take() {
                    self.retire(old, stop);
                }
                self.outward.local_only.set(running.is_local);
                let age = change.age();
                self.channels.event(self.ui, || {
                    let word = if change.files.is_empty() {
                        "ready"
                    } else {
                        "reloaded"
                    };
                    let milliseconds =
                        u64::try_from(change.since.elapsed().as_millis()).unwrap_or(u64::MAX);
                    json!({
                        "event": word, "files": change.files, "milliseconds": milliseconds,
                        "tools": running.server.tools().names(),
                    })
                });
                match change.describe() {
                    Some(files) => self.ui.step("Reloaded", format_args!("{files} in {age}")),
                    None => self.ui.step("Ready", format_args!("in {age}")),
                }
                self.tell_tools(running.server.tools());
                self.current = Some(running);
                self.outward.ready.send_modify(|count| *count += 1);
                return;
            }
            Ok(Start::Exited(status)) => {
                self.channels.count_crash();
                self.not_swapped(&format!(
                    "the new server stopped before it was ready ({status})"
                ));
            }
            Ok(Start::TooLate) => {
                let seconds = READY_TIMEOUT.as_secs();
                self.not_swapped(&format!("the new server was not ready after {seconds} s"));
            }
            Err(error) => {
                self.not_swapped(&format!("lost contact with the new server: {error}"));
            }
        }
        self.retire(running, stop);
    }

    /// Shows all tools of the first server, and for each later server the tools that changed.
    fn tell_tools(&self, tools: &Tools) {
        let told = match &*self.channels.tools.borrow() {
            None => tools.describe(),
            Some(before) => tools.changes_since(before),
        };
        if let Some(told) = told {
            self.ui.step("Tools", told);
        }
        self.channels.tools.replace(Some(tools.clone()));
    }

    fn not_swapped(&self, why: &str) {
        let is_local = self.current.as_ref().is_none_or(|old| old.is_local);
        self.outward.local_only.set(is_local);
        self.channels.event(
            self.ui,
            || json!({ "event": "not swapped", "because": why }),
        );
        let what_now = if self.current.is_some() {
            "the old server keeps running"
        } else {
            "waiting for a change"
        };
        self.ui.warn(format_args!("{why}; {what_now}"));
    }

    /// Reports the crash. The server is not restarted without a change, because it would crash
    /// again.
    fn crashed(&mut self, status: io::Result<ExitStatus>) {
        self.current = None;
        self.listener.proxy_to(None);
        self.channels.count_crash();
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.channels
            .event(self.ui, || json!({ "event": "crashed", "how": how }));
        if self.next.is_none() {
            self.ui.warn(format_args!(
                "the server stopped ({how}); it is restarted after the next change"
            ));
        }
    }

    fn retire(&mut self, mut running: Running, stop: &Stop) {
        running.server.terminate();
        self.retiring
            .spawn(running.server.retire(stop.at_once.clone()));
    }
}

fn stamp(executable: &Path) -> io::Result<Stamp> {
    let file = fs::metadata(executable)?;
    #[cfg(unix)]
    let number = {
        use std::os::unix::fs::MetadataExt as _;
        (file.dev(), file.ino())
    };
    #[cfg(not(unix))]
    let number = (0, 0);
    Ok((number, file.len(), file.modified()?))
}
