//! What a server that is developed tells `mcpo dev` of each request, so that the tool can say where a
//! client stopped. Nothing of it is there otherwise, and nothing secret is in it: no token, no code,
//! no query.

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
        socket::listener()?;
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
        socket::send(&format!("{NOTICE}{notice}"));
    }
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

#[cfg(unix)]
mod socket {
    use std::{os::unix::net::UnixDatagram, sync::OnceLock};

    static SOCKET: OnceLock<Option<UnixDatagram>> = OnceLock::new();

    /// The socket to whoever listens, if anybody does.
    pub(super) fn listener() -> Option<&'static UnixDatagram> {
        let connect = || {
            let path = std::env::var_os("NOTIFY_SOCKET")?;
            let socket = UnixDatagram::unbound().ok()?;
            socket.connect(path).ok()?;
            // A parent that is suspended must not suspend its server.
            socket.set_nonblocking(true).ok()?;
            Some(socket)
        };
        if super::UNDER_DEV.get() != Some(&true) {
            return None;
        }
        SOCKET.get_or_init(connect).as_ref()
    }

    pub(super) fn send(notice: &str) {
        if let Some(socket) = listener() {
            let _ = socket.send(notice.as_bytes());
        }
    }
}

#[cfg(not(unix))]
mod socket {
    pub(super) fn listener() -> Option<()> {
        None
    }

    pub(super) fn send(_notice: &str) {}
}
