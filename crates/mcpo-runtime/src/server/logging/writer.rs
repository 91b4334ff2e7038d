//! Where log lines go: to stderr, or to `mcpo dev` if the line belongs to a request that `mcpo dev`
//! itself made. It shows these lines only if its test fails.

use std::io::{self, Stderr, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::base::{dev_channel, request_log::RequestContext};

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
            Self::Stderr(stderr) => stderr.write(bytes),
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
