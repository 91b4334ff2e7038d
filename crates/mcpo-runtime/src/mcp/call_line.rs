//! The log line of a tool call.
//!
//! To format and write a line takes a tenth of the time of a simple call. So the lines of several
//! calls are written together when a worker thread has nothing else to do, which is right after the
//! call unless the server is busy.

use std::{
    cell::Cell,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use mcpo_runtime_oauth::base::request_log::RequestContext;

use crate::caller::Caller;

/// How many lines may wait.
const MAX_WAITING: usize = 256;
/// How much older than a new line a waiting line may be.
const MAX_AGE: Duration = Duration::from_millis(100);

static WAITING: Mutex<Vec<CallLine>> = Mutex::new(Vec::new());

thread_local! {
    /// Writes the waiting lines. Without it, no line of this thread waits.
    static WRITE: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// A tool call that has ended.
pub(super) struct CallLine {
    pub(super) ended: Instant,
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
        let Some(write) = WRITE.get().filter(|_| self.request().is_some()) else {
            return self.write();
        };
        let is_time = {
            let mut waiting = waiting();
            let oldest = waiting.first().map_or(self.ended, |line| line.ended);
            let age = self.ended.duration_since(oldest);
            waiting.push(self);
            waiting.len() >= MAX_WAITING || age > MAX_AGE
        };
        if is_time {
            write();
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

/// Lets the lines of this thread wait. `write` calls [`write_waiting`], and the thread must call
/// `write` when it becomes idle.
pub(crate) fn let_lines_wait(write: fn()) {
    WRITE.set(Some(write));
}

/// Writes the lines that wait.
pub(crate) fn write_waiting() {
    let lines = mem::take(&mut *waiting());
    let (now, time) = (Instant::now(), SystemTime::now());
    for line in lines {
        let ended = time.checked_sub(now.duration_since(line.ended));
        match line.request() {
            Some(request) => request
                .clone()
                .run_at(ended.unwrap_or(time), || line.write()),
            None => line.write(),
        }
    }
}

fn waiting() -> MutexGuard<'static, Vec<CallLine>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use axum::{body::Body, extract::Request};

    use super::*;
    use mcpo_runtime_oauth::base::request_log::RequestLog;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn lines(&self) -> usize {
            String::from_utf8_lossy(&self.0.lock().unwrap())
                .lines()
                .count()
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    thread_local! {
        static WRITTEN_TOGETHER: Cell<u32> = const { Cell::new(0) };
    }

    fn write_together() {
        WRITTEN_TOGETHER.set(WRITTEN_TOGETHER.get() + 1);
        write_waiting();
    }

    /// One test, because the lines of all threads wait at the same place.
    #[test]
    fn lines_wait_until_the_thread_is_idle_but_not_long() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            let request = RequestLog::new(&Request::new(Body::empty()), "mcp");
            let caller = Caller::local("ada").in_request(request.context().cloned());
            let now = Instant::now();
            let log = |ended, caller: &Caller| {
                let line = CallLine {
                    ended,
                    tool: "add".to_owned(),
                    caller: Some(caller.clone()),
                    ms: 1,
                    outcome: "ok",
                };
                line.log();
            };
            log(now, &caller);
            assert_eq!(
                written.lines(),
                1,
                "this thread does not write waiting lines"
            );
            let_lines_wait(write_together);
            log(now, &Caller::local("ada"));
            assert_eq!(written.lines(), 2, "a span may identify the request");
            log(now, &caller);
            assert_eq!(written.lines(), 2);
            write_waiting();
            assert_eq!(written.lines(), 3);
            for _ in 1..MAX_WAITING {
                log(now, &caller);
            }
            assert_eq!(written.lines(), 3);
            log(now, &caller);
            assert_eq!(written.lines(), 3 + MAX_WAITING);
            assert_eq!(WRITTEN_TOGETHER.get(), 1);
            log(now, &caller);
            log(now + MAX_AGE + MAX_AGE, &caller);
            assert_eq!(written.lines(), 5 + MAX_WAITING);
            assert_eq!(WRITTEN_TOGETHER.get(), 2);
        });
    }
}
