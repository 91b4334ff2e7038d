//! A request and its response, as reports show them.

use std::{fmt, time::Duration};

/// One request and its response.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The HTTP method.
    pub method: String,
    /// Without codes and tokens.
    pub url: String,
    /// The JSON-RPC method or the grant type, for endpoints that serve several.
    pub purpose: Option<String>,
    /// Whether the user's browser sent it.
    pub browser: bool,
    /// The status, or why there is none.
    pub outcome: Result<u16, String>,
    /// The time until the response was read.
    pub elapsed: Duration,
    /// Headers and bodies, if they were requested.
    pub detail: Option<Box<Detail>>,
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
pub struct Detail {
    pub asked_headers: Vec<(String, String)>,
    pub asked_body: Option<String>,
    pub came_headers: Vec<(String, String)>,
    pub came_body: Option<String>,
}
