//! What happened. Events flow from the actors to the session.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use mcpo_common::error::Failure;
use mcpo_probe::{Report, ToolCallReport};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{
    change::Change, inputs::Inputs, request_event::RequestEvent, self_test::TestKind,
    server_report::ServerReport, tool_call::ToolCall, tool_request::ToolRequest, tools::Tools,
};

/// How many events may wait. The session handles an event without waiting for anything.
const CAPACITY: usize = 256;

/// One event.
#[derive(Debug)]
pub enum Event {
    /// Files changed that the server depends on.
    Changed(Change),
    /// Compiled dependencies of other projects were copied before the first build.
    DependenciesCopied,
    /// A build begins, because of these files.
    BuildStarted(BTreeSet<PathBuf>),
    /// A build failed. The compiler has printed the reason.
    BuildFailed {
        /// The files that changed.
        files: BTreeSet<PathBuf>,
        /// What cargo and the compiler printed.
        said: String,
        /// How cargo ended, if a signal killed it before it could print the reason.
        killed: Option<ExitStatus>,
        /// Whether an earlier build succeeded.
        has_executable: bool,
    },
    /// A build ended, and read these files.
    InputsRead(Inputs),
    /// There is an executable of the latest state.
    Built(Candidate),
    /// The project would rebuild or restart forever.
    LoopFound {
        /// A description of the files that cause it.
        files: String,
        explanation: String,
    },
    /// A server is being started.
    ServerStarting(Instant),
    /// A server took over.
    ServerReady {
        change: Change,
        tools: Tools,
        /// How users sign in.
        sign_in: String,
    },
    /// The change did not affect the executable, so the server was not replaced.
    Unchanged(Change),
    /// A new server did not take over.
    NotSwapped {
        why: SwapFailure,
        /// Whether the old server keeps running.
        is_serving: bool,
    },
    /// The server stopped by itself.
    ServerCrashed {
        status: io::Result<ExitStatus>,
        next: AfterCrash,
    },
    /// The server reported something.
    Reported(ServerReport),
    /// A request was assigned to a client.
    ClientContinued {
        client: String,
        request: RequestEvent,
    },
    /// A tool call was assigned to a client.
    ClientCalled { client: String, call: ToolCall },
    /// A client did not continue.
    ClientStopped(Stopped),
    /// mcpo begins a test. One of the events below ends it.
    TestStarted(TestKind),
    /// A probe ended.
    Probed(Box<Report>),
    /// The tool that the user wants to try, and arguments to start with.
    ToolFound {
        tool: Box<Value>,
        arguments: Map<String, Value>,
    },
    /// The browser view asked for all tools.
    ToolsListed { has_tools: bool },
    /// The tool that the user wants to try could not be found.
    ToolNotFound { name: String, because: String },
    /// A tool that the user wanted to try was called.
    ToolTried(Box<ToolCallReport>),
    /// The browser view wants this.
    ToolRequested(ToolRequest),
    /// The browser view is served at this URL.
    ViewOpened { url: String },
    /// The user finished a line, or cancelled the input.
    Typed(Option<String>),
    /// A test could not be made.
    TestFailed { test: TestKind, failure: Failure },
    /// The user can press keys.
    KeyboardReady,
    /// The user pressed a key.
    Pressed(Key),
    /// The user should know this.
    Warning(String),
}

/// An executable that should take over, and the change that caused it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub executable: PathBuf,
    pub change: Change,
}

/// What follows after a server has stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCrash {
    /// A new server is already being started.
    NextStarts,
    /// The same server is started again.
    Restarts,
    /// Nothing, until the next change.
    Waits,
}

/// Why a new server did not take over.
#[derive(Debug)]
pub enum SwapFailure {
    NotStarted(Failure),
    Exited(ExitStatus),
    /// The server was not ready within this time.
    TooLate(Duration),
    NoAddress,
    Lost(io::Error),
}

impl fmt::Display for SwapFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(_) => formatter.write_str("the new server did not start"),
            Self::Exited(status) => write!(
                formatter,
                "the new server stopped before it was ready ({status})"
            ),
            Self::TooLate(time) => write!(
                formatter,
                "the new server was not ready after {} s",
                time.as_secs()
            ),
            Self::NoAddress => formatter.write_str(
                "the new server did not report its address, as servers of this version do",
            ),
            Self::Lost(error) => write!(formatter, "lost contact with the new server: {error}"),
        }
    }
}

/// A client that did not continue.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    pub title: String,
    pub step: String,
    pub status: u16,
    pub seconds: u64,
    /// The step that was expected next.
    pub next: &'static str,
    pub causes: Vec<String>,
}

/// A key of the user, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Rebuild,
    Probe,
    ListTools,
    /// Call the tool with this index.
    TryTool(usize),
    ToggleRequests,
    OpenView,
    CopyUrl,
    OpenConnectors,
    Help,
    EmptyLine,
    Quit,
}

/// The end of the channel that the actors have.
#[derive(Clone, Debug)]
pub struct EventSender(mpsc::Sender<Event>);

impl EventSender {
    /// Returns a new channel.
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), receiver)
    }

    pub async fn send(&self, event: Event) {
        // If the session is gone, everything is stopping.
        let _ = self.0.send(event).await;
    }

    /// Drops the event if too many are waiting. For events that other programs cause.
    pub fn send_or_drop(&self, event: Event) {
        let _ = self.0.try_send(event);
    }
}
