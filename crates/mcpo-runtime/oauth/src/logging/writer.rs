//! Where log lines go: to stderr, or to `mcpo dev` if the line belongs to a request that `mcpo dev`
//! itself made. It shows these lines only if its test fails.

use std::{
    cell::RefCell,
    io::{self, Stderr, Write},
    mem,
};

use tracing_subscriber::fmt::MakeWriter;

use crate::base::{dev_channel, request_log::RequestContext};

/// The longest text that Linux writes to a pipe in one piece (`PIPE_BUF`), in bytes.
const MAX_TOGETHER_LEN: usize = 4096;

thread_local! {
    /// The lines of this thread that are written together.
    static TOGETHER: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Runs `work`, and writes the lines that it logs with as few system calls as possible.
pub fn together(work: impl FnOnce()) {
    TOGETHER.set(Some(Vec::new()));
    work();
    // Without lines, stderr is not even locked: a tool that holds the lock must not stop the others.
    if let Some(lines) = TOGETHER.take().filter(|lines| !lines.is_empty()) {
        // An error has no place where it could be reported.
        let _ = io::stderr().write_all(&lines);
    }
}

/// Adds a line to `lines`, which are written first if they would be too long together.
fn add(lines: &mut Vec<u8>, line: &[u8], stderr: &mut Stderr) -> io::Result<usize> {
    if lines.len() + line.len() > MAX_TOGETHER_LEN {
        stderr.write_all(&mem::take(lines))?;
    }
    lines.write(line)
}

/// Makes a writer for each line.
pub(super) struct LogWriters;

impl MakeWriter<'_> for LogWriters {
    type Writer = LogWriter;

    fn make_writer(&self) -> LogWriter {
        let is_self_test = RequestContext::current().is_some_and(|request| request.is_self_test());
        if is_self_test {
            LogWriter::Parent
        } else {
            LogWriter::Stderr(io::stderr())
        }
    }
}

pub(super) enum LogWriter {
    Stderr(Stderr),
    /// `mcpo dev` gets the line.
    Parent,
}

impl Write for LogWriter {
    /// Tracing writes each line in one call.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stderr(stderr) => {
                let added = TOGETHER.try_with(|together| {
                    let mut together = together.borrow_mut();
                    together.as_mut().map(|lines| add(lines, bytes, stderr))
                });
                // A thread that ends has no such variables any more.
                added.ok().flatten().unwrap_or_else(|| stderr.write(bytes))
            }
            Self::Parent => {
                dev_channel::send_log_line(&String::from_utf8_lossy(bytes));
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stderr(stderr) => stderr.flush(),
            Self::Parent => Ok(()),
        }
    }
}
