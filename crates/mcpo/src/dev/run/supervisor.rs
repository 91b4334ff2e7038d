//! Replaces the running server, but only with a server that is ready.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant, SystemTime},
};

use mcpo_common::error::{Failure, Outcome};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    listener::{Listener, Mode},
    server::{Happening, Launch, READY_TIMEOUT, Server, Start},
    unavailable::Unavailable,
};
use crate::dev::{
    environment::{ServerEnvironment, describe_sign_in},
    local_access::has_local_base,
    messages::{
        change::Change,
        event::{AfterCrash, Candidate, Event, EventSender, SwapFailure},
    },
    stop::Stop,
};

/// A build that crashes is restarted at most once in this time. Otherwise it would crash again and
/// again.
const RESTART_INTERVAL: Duration = Duration::from_secs(10);

/// The actor that owns the listener and the servers behind it.
pub struct Supervisor {
    environment: ServerEnvironment,
    /// The folder for the state of the servers.
    state: PathBuf,
    listener: Listener,
    candidates: mpsc::UnboundedReceiver<Candidate>,
    events: EventSender,
    /// Decides whether the proxies refuse other machines.
    local_only: watch::Sender<bool>,
    /// The server that answers.
    current: Option<Running>,
    /// The server that takes over once it is ready, and the change that it contains.
    next: Option<(Running, Change)>,
    /// Old servers that are finishing their calls.
    retiring: JoinSet<()>,
    /// The last crash after which the server was restarted.
    restarted: Option<Crash>,
    crash: Option<Crash>,
    /// Answers while no server runs.
    unavailable: Option<Unavailable>,
}

/// A server, and the build it came from.
struct Running {
    server: Server,
    executable: PathBuf,
    stamp: Option<Stamp>,
    /// Whether the server's base URL names this machine.
    is_local: bool,
    /// How users sign in.
    sign_in: String,
}

/// Identifies the executable of one build: device and inode if the system has them, size, and
/// modification time.
type Stamp = ((u64, u64), u64, SystemTime);

/// The last crash of a server.
#[derive(Debug, Clone, Copy)]
struct Crash {
    at: Instant,
    build: Option<Stamp>,
}

impl Crash {
    /// Returns true if this build already crashed after the change, so that it must not be started
    /// for it. For example, the first build writes `Cargo.lock`; a busy machine may finish the
    /// build for that change only after the server crashed.
    fn is_after(&self, change: &Change, build: Option<Stamp>) -> bool {
        change.latest < self.at && build.is_some() && build == self.build && !change.environment
    }

    /// Returns true if a restart after this crash was enough, so that this build must not be
    /// restarted again.
    fn was_recent(&self, build: Option<Stamp>) -> bool {
        build == self.build && self.at.elapsed() <= RESTART_INTERVAL
    }
}

/// What the supervisor handles.
enum Occurrence {
    Candidate(Candidate),
    Started(io::Result<Start>),
    Happened(Happening),
    Stop,
}

impl Supervisor {
    pub fn new(
        environment: ServerEnvironment,
        state: PathBuf,
        listener: Listener,
        candidates: mpsc::UnboundedReceiver<Candidate>,
        events: EventSender,
        local_only: watch::Sender<bool>,
    ) -> Self {
        Self {
            environment,
            state,
            listener,
            candidates,
            events,
            local_only,
            current: None,
            next: None,
            retiring: JoinSet::new(),
            restarted: None,
            crash: None,
            unavailable: None,
        }
    }

    /// Runs servers until stopped. No server process is left when it returns.
    pub async fn run(mut self, stop: &Stop) {
        loop {
            match self.occurrence(stop).await {
                Occurrence::Candidate(candidate) => self.try_out(candidate, stop).await,
                Occurrence::Started(start) => self.settle(start, stop).await,
                Occurrence::Happened(Happening::Exited(status)) => {
                    self.crashed(status, stop).await;
                }
                Occurrence::Happened(Happening::Reported(report)) => {
                    // The server must not be blocked.
                    self.events.send_or_drop(Event::Reported(report));
                }
                Occurrence::Stop => break,
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

    async fn occurrence(&mut self, stop: &Stop) -> Occurrence {
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
            () = stop.gently.cancelled() => Occurrence::Stop,
            candidate = self.candidates.recv() => {
                candidate.map_or(Occurrence::Stop, Occurrence::Candidate)
            }
            start = started => Occurrence::Started(start),
            happening = happened => Occurrence::Happened(happening),
        }
    }

    /// Starts the candidate next to the current server. A newer candidate replaces an older one.
    async fn try_out(&mut self, candidate: Candidate, stop: &Stop) {
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
                self.events.send(Event::Unchanged(change)).await;
            }
            return;
        }
        let is_down = latest.is_none();
        if is_down
            && self
                .crash
                .is_some_and(|crash| crash.is_after(&change, stamp))
        {
            return;
        }
        if let Some((overtaken, earlier)) = self.next.take() {
            self.retire(overtaken, stop);
            change.merge(earlier);
        }
        self.events
            .send(Event::ServerStarting(Instant::now()))
            .await;
        if self.unavailable.take().is_some() {
            // Connections wait for the new server.
            self.listener.proxy_to(None);
        }
        match self.start(&executable) {
            Ok((server, is_local, sign_in)) => {
                let running = Running {
                    server,
                    executable: executable.clone(),
                    stamp,
                    is_local,
                    sign_in,
                };
                self.next = Some((running, change));
            }
            Err(failure) => self.not_swapped(SwapFailure::NotStarted(failure)).await,
        }
    }

    /// Starts a server. Also returns whether its base URL names this machine, and how users sign in.
    fn start(&self, executable: &Path) -> Outcome<(Server, bool, String)> {
        // Read at every start, because the environment file may have changed.
        let environment = self.environment.load()?;
        let is_local = has_local_base(&environment);
        if is_local {
            // The new server may get connections before it reports that it is ready.
            self.local_only.send_replace(true);
        }
        let server = Server::start(&Launch {
            executable,
            folder: &self.environment.folder,
            state: &self.state,
            listener: &self.listener,
            environment: &environment,
        });
        let server = server.map_err(|error| {
            Failure::new(format!("failed to start {}", executable.display())).because(&error)
        })?;
        Ok((server, is_local, describe_sign_in(&environment)))
    }

    /// Swaps the servers if the new one is ready.
    async fn settle(&mut self, start: io::Result<Start>, stop: &Stop) {
        let Some((running, change)) = self.next.take() else {
            return;
        };
        let has_no_address =
            self.listener.mode() == Mode::Proxy && running.server.address().is_none();
        let why = match start {
            Ok(Start::Ready) if !has_no_address => return self.swap(running, change, stop).await,
            Ok(Start::Ready) => SwapFailure::NoAddress,
            Ok(Start::Exited(status)) => SwapFailure::Exited(status),
            Ok(Start::TooLate) => SwapFailure::TooLate(READY_TIMEOUT),
            Err(error) => SwapFailure::Lost(error),
        };
        self.not_swapped(why).await;
        self.retire(running, stop);
    }

    async fn swap(&mut self, running: Running, change: Change, stop: &Stop) {
        self.listener.proxy_to(running.server.address());
        // From now on the new server gets the connections. Only then is the reload reported.
        if let Some(old) = self.current.take() {
            self.retire(old, stop);
        }
        self.local_only.send_replace(running.is_local);
        let event = Event::ServerReady {
            change,
            tools: running.server.tools().clone(),
            sign_in: running.sign_in.clone(),
        };
        self.current = Some(running);
        self.events.send(event).await;
    }

    async fn not_swapped(&mut self, why: SwapFailure) {
        let is_local = self.current.as_ref().is_none_or(|old| old.is_local);
        self.local_only.send_replace(is_local);
        let is_serving = self.current.is_some();
        if !is_serving {
            self.refuse_connections();
        }
        self.events
            .send(Event::NotSwapped { why, is_serving })
            .await;
    }

    /// Reports the crash. Restarts the server once; if it crashes again soon, clients get 503 until
    /// the next change.
    async fn crashed(&mut self, status: io::Result<ExitStatus>, stop: &Stop) {
        let crashed = self.current.take();
        let crash = Crash {
            at: Instant::now(),
            build: crashed.as_ref().and_then(|crashed| crashed.stamp),
        };
        self.crash = Some(crash);
        self.listener.proxy_to(None);
        let may_restart = self
            .restarted
            .is_none_or(|last| !last.was_recent(crash.build));
        let (next, restart) = match crashed {
            _ if self.next.is_some() => (AfterCrash::NextStarts, None),
            Some(crashed) if may_restart => (AfterCrash::Restarts, Some(crashed.executable)),
            _ => (AfterCrash::Waits, None),
        };
        self.events
            .send(Event::ServerCrashed { status, next })
            .await;
        if let Some(executable) = restart {
            self.restarted = Some(crash);
            let change = Change {
                environment: true,
                ..Change::new()
            };
            let candidate = Candidate { executable, change };
            self.try_out(candidate, stop).await;
        } else if next == AfterCrash::Waits {
            self.refuse_connections();
        }
    }

    /// Answers with 503. If that is not possible, connections wait.
    fn refuse_connections(&mut self) {
        self.unavailable = Unavailable::answer(&self.listener).ok();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_crashed_is_started_only_for_later_changes() {
        let build = |number| Some(((1, number), 100, SystemTime::UNIX_EPOCH));
        let before = Change::new();
        let crash = Crash {
            at: before.latest + Duration::from_millis(1),
            build: build(1),
        };
        let later = Change {
            latest: crash.at + Duration::from_millis(1),
            ..Change::new()
        };
        let environment = Change {
            latest: before.latest,
            environment: true,
            ..Change::new()
        };
        assert!(crash.is_after(&before, build(1)));
        assert!(!crash.is_after(&before, build(2)));
        assert!(!crash.is_after(&before, None));
        assert!(!crash.is_after(&later, build(1)));
        assert!(!crash.is_after(&environment, build(1)));
    }

    #[test]
    fn each_build_is_restarted_once() {
        let build = |number| Some(((1, number), 100, SystemTime::UNIX_EPOCH));
        let crash = |at| Crash {
            at,
            build: build(1),
        };
        let now = Instant::now();
        assert!(crash(now).was_recent(build(1)));
        assert!(!crash(now).was_recent(build(2)));
        if let Some(earlier) = now.checked_sub(RESTART_INTERVAL * 2) {
            assert!(!crash(earlier).was_recent(build(1)));
        }
    }
}
