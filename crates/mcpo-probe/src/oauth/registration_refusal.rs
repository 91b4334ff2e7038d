//! Refused registrations, explained by their status.

use reqwest::{StatusCode, header::RETRY_AFTER};
use serde::Deserialize;
use url::Url;

use crate::{
    check::{Fault, Log, Pending, Stop, Suggestion},
    http::Answer,
};

/// The body of an error (RFC 7591 §3.2.2).
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    error_description: Option<String>,
}

/// A refusal that has a known cause.
#[derive(Debug)]
pub enum RegistrationRefusal {
    /// Registration is only for clients that already have a token.
    TokenNeeded(Fault),
    Refused(Fault),
    /// Nothing is known about the server, because it was asked too often.
    TooMany {
        because: String,
    },
}

impl RegistrationRefusal {
    /// Reads a response of `endpoint`. `client` describes the registered client: "a web client with
    /// …". Returns `None` if the status does not name the cause.
    pub fn of(answer: &Answer, endpoint: &Url, client: &str) -> Option<Self> {
        let expected = "201 with a client_id";
        let seen = seen(answer);
        match answer.status {
            StatusCode::UNAUTHORIZED => {
                let hint = "let clients register without an initial access token (RFC 7591 §3), or \
                     register a client by hand and pass it with --client-id";
                Some(Self::TokenNeeded(Fault::new(seen, expected, hint)))
            }
            StatusCode::FORBIDDEN => {
                let hint = match words(answer) {
                    Some(words) => format!("allow {client} in the policy that says: {words}"),
                    None => format!("allow {client} in the policy that refuses it"),
                };
                Some(Self::Refused(Fault::new(seen, expected, hint)))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let retry = answer.header(RETRY_AFTER).map_or_else(
                    || "without Retry-After".to_owned(),
                    |after| format!("Retry-After: {after}"),
                );
                let because = format!("{endpoint}: {seen}; {retry}");
                Some(Self::TooMany { because })
            }
            status if status.is_server_error() => {
                let hint = "fix the registration endpoint; the server's log shows the cause";
                Some(Self::Refused(Fault::new(seen, expected, hint)))
            }
            _ => None,
        }
    }

    /// Records the verdict.
    pub fn record(self, log: &mut Log<'_>, pending: Pending) -> Stop {
        match self {
            Self::TokenNeeded(fault) => {
                log.suggest(Suggestion::ClientId);
                pending.fail(log, fault)
            }
            Self::Refused(fault) => pending.fail(log, fault),
            Self::TooMany { because } => {
                log.suggest(Suggestion::Reuse);
                let hint = "the server limits registrations: wait, then use --reuse, which keeps the \
                     client instead of registering one in each run";
                pending.could_not_run(log, because, hint)
            }
        }
    }
}

/// Returns the response in a few words: an error as its code and description.
fn seen(answer: &Answer) -> String {
    let Ok(ErrorAnswer {
        error,
        error_description,
    }) = answer.json()
    else {
        return answer.summary();
    };
    let status = answer.status.as_u16();
    match error_description {
        Some(description) => format!("HTTP {status}, {error}: {description}"),
        None => format!("HTTP {status}, {error}"),
    }
}

/// Returns the server's own description of the error.
fn words(answer: &Answer) -> Option<String> {
    answer.json::<ErrorAnswer>().ok()?.error_description
}
