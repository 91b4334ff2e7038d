//! What a server that is developed tells `mcpo dev` of each request, so that the tool can say where a
//! client stopped. Nothing of it is there otherwise, and nothing secret is in it: no token, no code,
//! no query.

mod loopback;
mod wire;

use std::{sync::OnceLock, time::Instant};

use axum::{extract::Request, response::Response};
use http::header;
use serde_json::json;

/// How a line of a notice begins that tells of a request (`sd_notify(3)` leaves `X_` to others).
const NOTICE: &str = "X_MCPO_STEP=";
/// The most that is told of a text that a stranger chose.
const LONGEST: usize = 200;

/// Who has registered, put on the answer by whoever knows.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) name: String,
    pub(crate) redirect_uri: String,
}

/// What is remembered of a request to be told when it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    agent: String,
    redirect_uri: Option<String>,
}

impl Told {
    /// `None` where nobody listens.
    pub(crate) fn of(request: &Request) -> Option<Box<Self>> {
        if !hears_of_requests() {
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
        }))
    }

    /// Tells it. That nobody hears is no trouble of the request's.
    pub(crate) fn tell(self, step: &str, method: &str, began: Instant, response: &Response) {
        let registered = response.extensions().get::<Registered>();
        let redirect_uri = registered.map(|registered| registered.redirect_uri.as_str());
        let redirect_uri = redirect_uri.or(self.redirect_uri.as_deref());
        let notice = json!({
            "step": step,
            "method": method,
            "status": response.status().as_u16(),
            "milliseconds": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "agent": shortened(&self.agent),
            "name": registered.map(|registered| shortened(&registered.name)),
            // Where to, without what for.
            "redirect_uri": redirect_uri.map(|uri| shortened(uri.split('?').next().unwrap_or(uri))),
        });
        wire::send(&format!("{NOTICE}{notice}"));
    }
}

/// Tells systemd, or `mcpo dev`, how far this process is (`sd_notify(3)`).
pub(crate) fn say(state: &str) {
    if let Err(error) = wire::say(state) {
        // The parent may be gone, which is why this process stops.
        tracing::debug!(%error, "cannot tell the parent process: {state}");
    }
}

/// Whether `mcpo dev` leads connections here, instead of handing over the socket that they come in by.
pub(crate) fn leads_here() -> bool {
    UNDER_DEV.get() == Some(&true) && loopback::wire().is_some()
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

static UNDER_DEV: OnceLock<bool> = OnceLock::new();

/// Whether the server is developed; said once, when it starts.
pub(crate) fn is_under_dev(is_it: bool) {
    // Only the first server of a process says it.
    let _ = UNDER_DEV.set(is_it);
}

fn hears_of_requests() -> bool {
    UNDER_DEV.get() == Some(&true) && wire::is_there()
}
