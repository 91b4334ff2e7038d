//! A request and its answer, as reports show them.

use std::{fmt, time::Duration};

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    /// Without codes and tokens.
    pub url: String,
    /// The JSON-RPC method, or the grant type: what was asked for at an address that takes many.
    pub purpose: Option<String>,
    /// Whether it is the person's browser that asked.
    pub browser: bool,
    /// The status, or why there is none.
    pub outcome: Result<u16, String>,
    pub elapsed: Duration,
    /// The whole of both, where that is wanted.
    pub detail: Option<Box<Detail>>,
}

/// What was asked, in a few words.
impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.url)?;
        match &self.purpose {
            Some(purpose) => write!(formatter, " ({purpose})"),
            None => Ok(()),
        }
    }
}

/// Headers and bodies, ready to be shown.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    pub asked_headers: Vec<(String, String)>,
    pub asked_body: Option<String>,
    pub came_headers: Vec<(String, String)>,
    pub came_body: Option<String>,
}
