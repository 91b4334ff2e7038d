//! A request and its response, as reports show them.

use std::{fmt, time::Duration};

/// The method of a message to a local server.
pub const STDIO: &str = "stdio";

/// One request and its response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// The HTTP method, or `stdio` for a message to a local server.
    pub method: String,
    /// The URL without codes and tokens, or the program of the local server.
    pub url: String,
    /// The JSON-RPC method or the grant type, for endpoints that serve several.
    pub purpose: Option<String>,
    /// Whether the user's browser sent it.
    pub browser: bool,
    /// The status of the response, or why there is no response. Over stdio, there is no status.
    pub outcome: Result<Option<u16>, String>,
    /// The time until the response was read.
    pub elapsed: Duration,
    /// Headers and bodies, if they were requested.
    pub(crate) detail: Option<Box<Messages>>,
}

impl Sent {
    /// Returns true for a message to a local server.
    pub(crate) fn is_stdio(&self) -> bool {
        self.method == STDIO
    }

    /// Returns the status, or why there is none.
    pub(crate) fn came(&self) -> String {
        match &self.outcome {
            Ok(Some(status)) => status.to_string(),
            Ok(None) => "ok".to_owned(),
            Err(error) => error.clone(),
        }
    }
}

/// The request in a few words.
impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.url)?;
        match &self.purpose {
            Some(purpose) => write!(formatter, " ({purpose})"),
            None => Ok(()),
        }
    }
}

/// Headers and bodies without secrets, ready for display.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    pub asked_headers: Vec<(String, String)>,
    pub asked_body: Option<String>,
    pub came_headers: Vec<(String, String)>,
    pub came_body: Option<String>,
}
