//! The log line of a tool call.
//!
//! To format and write a line takes a tenth of the time of a simple call. So the lines of several
//! calls are written together when a worker thread has nothing else to do, which is right after the
//! call unless the server is busy.

use std::{
    cell::Cell,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{base::request_log::RequestContext, resource_server::caller::Caller};

/// How many lines may wait.
const MAX_WAITING: usize = 64;
/// How much older than a new line a waiting line may be.
const MAX_AGE: Duration = Duration::from_millis(100);

static WAITING: Mutex<Vec<CallLine>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether this thread calls [`write_waiting`] when it becomes idle.
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
}

/// A tool call that has ended.
pub(super) struct CallLine {
    pub(super) ended: SystemTime,
    pub(super) tool: String,
    pub(super) caller: Option<Caller>,
    /// How long the call took, in milliseconds.
    pub(super) ms: u64,
    pub(super) outcome: &'static str,
}

impl CallLine {
    /// Logs the line now or soon.
    pub(super) fn log(self) {
        // Without a request context, the current span identifies the request.
        if !MAY_WAIT.get() || self.request().is_none() {
            return self.write();
        }
        let is_time = {
            let mut waiting = waiting();
            let oldest = waiting.first().map_or(self.ended, |line| line.ended);
            let age = self.ended.duration_since(oldest).unwrap_or_default();
            waiting.push(self);
            waiting.len() >= MAX_WAITING || age > MAX_AGE
        };
        if is_time {
            write_waiting();
        }
    }

    fn request(&self) -> Option<&RequestContext> {
        self.caller.as_ref().and_then(Caller::request)
    }

    fn write(&self) {
        let Self {
            tool, ms, outcome, ..
        } = self;
        let caller = self.caller.as_ref();
        let subject = caller.map_or("", Caller::subject);
        // As a display value, a plain name is logged without quotation marks.
        let client = caller.and_then(Caller::client_name);
        let client = client.map(tracing::field::display);
        tracing::info!(%tool, %subject, client, ms, %outcome, "tool called");
    }
}

/// Lets the lines of this thread wait. From now on, it must call [`write_waiting`] when it becomes
/// idle.
pub(crate) fn let_lines_wait() {
    MAY_WAIT.set(true);
}

/// Returns true if lines wait.
pub(crate) fn is_line_waiting() -> bool {
    !waiting().is_empty()
}

/// Writes the lines that wait.
pub(crate) fn write_waiting() {
    let lines = mem::take(&mut *waiting());
    for line in lines {
        match line.request() {
            Some(request) => request.clone().run_at(line.ended, || line.write()),
            None => line.write(),
        }
    }
}

fn waiting() -> MutexGuard<'static, Vec<CallLine>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
