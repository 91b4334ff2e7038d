//! Reports each request and each tool call to `mcpo dev`, so that the tool can show where a client
//! stopped and what a tool did. Outside of `mcpo dev` nothing is reported. Reports never contain
//! secrets: no token, no code, no query.

mod loopback;
mod sd_notify;
mod self_test;
mod tool_call;

use std::{sync::OnceLock, time::Instant};

use axum::{extract::Request, response::Response};
use http::header;
use serde_json::json;

pub(crate) use self::self_test::send_log_line;
pub use self::tool_call::{ToolCallEvent, arguments_text, microseconds, result_text};

/// The prefix of a report about a request. `sd_notify(3)` reserves `X_` for custom fields.
const EVENT_PREFIX: &str = "X_MCPO_STEP=";
/// The maximum length of client-supplied text in a report or in the log, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// The header of requests that `mcpo probe` sends to a server on the same machine. Any client may send
/// it. It only hides that the client stopped, and `mcpo dev` still lists the requests.
const PROBE_HEADER: &str = "x-mcpo-probe";

/// A response extension that the registration endpoint adds: the client that registered.
#[derive(Clone, Debug)]
pub(crate) struct ClientRegistered {
    pub(crate) name: String,
    pub(crate) redirect_uri: String,
}

/// The parts of a request that are reported when the response is known.
#[derive(Clone, Debug)]
pub(crate) struct RequestEvent {
    agent: String,
    redirect_uri: Option<String>,
    is_self_test: bool,
    is_probe: bool,
}

impl RequestEvent {
    /// Returns `None` if `mcpo dev` does not listen for reports.
    pub(crate) fn of(request: &Request) -> Option<Box<Self>> {
        if !is_subscribed() {
            return None;
        }
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let redirect_uri = url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "redirect_uri")
            .map(|(_, value)| value.into_owned());
        Some(Box::new(Self {
            agent: agent.unwrap_or_default().to_owned(),
            redirect_uri,
            is_self_test: self_test::is_self_test(request.headers()),
            is_probe: request.headers().contains_key(PROBE_HEADER),
        }))
    }

    /// Returns true if `mcpo dev` itself made the request.
    pub(crate) const fn is_self_test(&self) -> bool {
        self.is_self_test
    }

    /// Sends the report. A failure is ignored, because it must not affect the request.
    pub(crate) fn send(self, step: &str, method: &str, began: Instant, response: &Response) {
        let registered = response.extensions().get::<ClientRegistered>();
        let redirect_uri = registered.map(|registered| registered.redirect_uri.as_str());
        let redirect_uri = redirect_uri.or(self.redirect_uri.as_deref());
        let event = json!({
            "step": step,
            "method": method,
            "status": response.status().as_u16(),
            "milliseconds": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "agent": shortened(&self.agent),
            "name": registered.map(|registered| shortened(&registered.name)),
            // Without its query, which may contain secrets.
            "redirect_uri": redirect_uri.map(|uri| shortened(uri.split('?').next().unwrap_or(uri))),
            "self_test": self.is_self_test,
            "probe": self.is_probe,
        });
        sd_notify::send_event(&format!("{EVENT_PREFIX}{event}"));
    }
}

/// Reports the state of this process to systemd or `mcpo dev` (`sd_notify(3)`).
pub fn send(state: &str) {
    if let Err(error) = sd_notify::send(state) {
        // The parent may be gone, which may be the reason why this process stops.
        tracing::debug!(%error, "cannot notify the parent process: {state}");
    }
}

/// Returns true if `mcpo dev` forwards connections to this process instead of passing on its
/// listening socket.
pub fn is_proxied() -> bool {
    UNDER_DEV.get() == Some(&true) && loopback::channel().is_some()
}

/// Returns the beginning of a text that a client has chosen.
#[must_use]
pub fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

static UNDER_DEV: OnceLock<bool> = OnceLock::new();

/// Records at start whether the server runs under `mcpo dev`.
pub fn set_under_dev(is_it: bool) {
    // Only the first server of a process sets the value.
    let _ = UNDER_DEV.set(is_it);
}

/// Returns true if `mcpo dev` listens for reports.
pub fn is_subscribed() -> bool {
    UNDER_DEV.get() == Some(&true) && sd_notify::is_there()
}
