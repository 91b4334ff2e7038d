//! Why a local server gave no usable answer.

use std::{io, time::Duration};

use crate::http::BODY_LIMIT;

/// Why a request to a local server got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The program could not be started.
    #[error("failed to start {program}: {error}")]
    NotStarted { program: String, error: io::Error },
    /// The process has ended, or has closed its stdout.
    #[error("{how}{}", after_stderr(.stderr))]
    Ended {
        /// `the process ended with exit status: 1`.
        how: String,
        /// The last lines of stderr.
        stderr: Vec<String>,
        /// The environment variable that the server asks for.
        variable: Option<String>,
    },
    /// No answer came in time.
    #[error("no answer within {:.1} s{}{}", .limit.as_secs_f64(), after_stdout(.noise.as_deref()), after_stderr(.stderr))]
    TimedOut {
        limit: Duration,
        /// The first line on stdout that is no message.
        noise: Option<String>,
        stderr: Vec<String>,
    },
    /// An answer with an id that no request had.
    #[error("an answer with the id {received} to the request with the id {sent}")]
    WrongId { received: String, sent: u64 },
    /// A message that is too long to be read.
    #[error("a line of more than {} KiB on stdout", BODY_LIMIT / 1024)]
    TooLong,
}

fn after_stderr(lines: &[String]) -> String {
    if lines.is_empty() {
        String::new()
    } else {
        format!("; stderr: {}", lines.join(" / "))
    }
}

fn after_stdout(line: Option<&str>) -> String {
    line.map(|line| format!("; on stdout instead: {line:?}"))
        .unwrap_or_default()
}

impl StdioError {
    /// Returns true if the program does not exist or may not be run, so that nothing is known about
    /// the server.
    pub const fn is_not_started(&self) -> bool {
        matches!(self, Self::NotStarted { .. })
    }

    /// Returns what the owner of the server can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotStarted { error, program } if error.kind() == io::ErrorKind::NotFound => {
                format!("install {program}, or check its name and the PATH; the command runs without a shell")
            }
            Self::NotStarted { program, .. } => {
                format!("check that {program} may be run, or name its interpreter in front of it")
            }
            Self::Ended {
                variable: Some(variable),
                ..
            } => format!(
                "set {variable} in front of the command ({variable}=… mcpo probe -- …), and in the \
                 env of the client's settings"
            ),
            Self::Ended { .. } => {
                "keep the server running until its stdin closes; run the command by hand to see all \
                 that it prints"
                    .to_owned()
            }
            Self::TimedOut {
                noise: Some(noise), ..
            } => match framing_hint(noise) {
                Some(hint) => hint.to_owned(),
                None => format!("check that the command starts the server in stdio mode (often --stdio or stdio); {LOG_HINT}"),
            },
            Self::TimedOut { .. } => {
                "read stdin, and answer each request with one line of JSON on stdout; check that the \
                 command starts the server in stdio mode, and flush stdout"
                    .to_owned()
            }
            Self::WrongId { .. } => {
                "answer with the id of the request, unchanged: a number stays a number".to_owned()
            }
            Self::TooLong => "answer with a smaller document; use pages for long lists".to_owned(),
        }
    }
}

/// The fix for logs on stdout.
const LOG_HINT: &str = "write logs to stderr: stdout is only for messages (console.error instead of \
                        console.log, print(…, file=sys.stderr), a logger that writes to stderr)";

/// Returns the fix for a line on stdout that is no message.
pub fn noise_hint(line: &str) -> &'static str {
    framing_hint(line).unwrap_or(LOG_HINT)
}

/// Returns the fix if a line shows that messages are not separated by line breaks.
fn framing_hint(line: &str) -> Option<&'static str> {
    let text = line.trim().to_ascii_lowercase();
    if text.starts_with("content-length:") {
        Some("write no Content-Length headers: MCP separates messages by line breaks")
    } else if text == "{" || text == "[" {
        Some("write each message on one line, without line breaks inside")
    } else {
        None
    }
}
