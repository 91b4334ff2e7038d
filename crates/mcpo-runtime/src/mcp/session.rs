//! Binds each session of the older protocol to the user who began it.
//!
//! A session id that leaves this server contains a keyed digest of itself and its owner. If another
//! user sends it, the response is the same as for an unknown session: 404, after which clients
//! begin a new session (MCP 2025-11-25, session management; security best practices, session
//! hijacking).

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use mcpo_runtime_oauth::{
    base::seal::{KeyRing, macs},
    resource_server::connection_cache::Connection,
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService,
    session::{
        SessionManager as _,
        local::{LocalSessionManager, SessionConfig},
    },
};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;

use super::{
    erased::SharedHandler,
    session_limit::{KEEP_ALIVE, LimitReached, Reservation, SessionLimit},
};
use crate::caller::Caller;

static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const MAC_LEN: usize = 16;

type Inner = StreamableHttpService<SharedHandler, LocalSessionManager>;

/// rmcp's service, with session ids that only their owner can use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Shared>);

struct Shared {
    inner: Inner,
    manager: Arc<LocalSessionManager>,
    limit: SessionLimit,
    keys: KeyRing,
    stop_begun: CancellationToken,
    farewell: Option<Bytes>,
}

/// An authorized request and its caller.
pub(crate) struct SessionRequest {
    pub(crate) caller: Caller,
    /// The principal for which the request begins a session, if it begins one: the caller or, if
    /// all callers have the same name, the source address.
    pub(crate) begins_session_of: Option<String>,
}

/// The last event on open GET streams when a newer server replaces this one. A client that then
/// lists the tools begins a new session with the newer server.
const TOOLS_CHANGED: &[u8] =
    b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";

impl Sessions {
    /// If `is_replaced` is true, a newer server replaces this one when it stops.
    pub(crate) fn new(
        inner: Inner,
        manager: Arc<LocalSessionManager>,
        keys: KeyRing,
        stop_begun: CancellationToken,
        is_replaced: bool,
    ) -> Self {
        Self(Arc::new(Shared {
            inner,
            manager,
            limit: SessionLimit::default(),
            keys,
            stop_begun,
            farewell: is_replaced.then(|| Bytes::from_static(TOOLS_CHANGED)),
        }))
    }

    /// Responds to a request. With `ended`, the response is a stream that ends when it completes.
    pub(crate) async fn handle(
        &self,
        mut request: Request,
        session_request: SessionRequest,
        connection: &Connection,
        ended: Option<BoxFuture<'static, ()>>,
    ) -> Response {
        let Shared {
            inner,
            limit,
            keys,
            stop_begun,
            farewell,
            ..
        } = &*self.0;
        let caller = session_request.caller;
        let owner = caller.subject();
        let session = match self.verified_session(&request, &caller, connection) {
            Ok(session) => session,
            Err(NoSuchSession) => {
                return (StatusCode::NOT_FOUND, "no such session").into_response();
            }
        };
        let mut verified = None;
        if let Some(id) = &session {
            verified = request.headers_mut().insert(&SESSION_ID, id.clone());
            limit.used(id.to_str().unwrap_or_default());
        }
        let reservation = match (&session, session_request.begins_session_of) {
            (None, Some(principal)) => match self.reservation(&principal).await {
                Ok(reservation) => Some(reservation),
                Err(reached) => return too_many_sessions(reached),
            },
            _ => None,
        };
        request.extensions_mut().insert(caller.clone());
        let ends = request.method() == Method::DELETE;
        // Boxed, because it is large and would be moved with each future around it.
        let answer = Box::pin(inner.handle(request));
        let mut response = answer.await.map(Body::new);
        if let Some(ended) = ended {
            // A GET stream must not delay a server that stops; a call may.
            let stop = stop_begun.clone().cancelled_owned();
            let is_stream = response.status().is_success();
            let last = farewell.clone().filter(|_| is_stream).map(Ok);
            response = response.map(|body| {
                let news = body.into_data_stream().take_until(ended);
                let news = news.take_until(stop);
                Body::from_stream(news.chain(stream::iter(last)))
            });
        }
        if ends && let Some(id) = &session {
            limit.ended(id.to_str().unwrap_or_default());
            if response.status() == StatusCode::ACCEPTED {
                // The session has already ended. The Python SDK takes 202 for a failure.
                response = StatusCode::NO_CONTENT.into_response();
            }
        }
        if let Some(id) = response.headers().get(&SESSION_ID) {
            if let (Some(reservation), Ok(id)) = (reservation, id.to_str()) {
                reservation.take(id);
            }
            let is_same = session.as_ref() == Some(id);
            let signed = verified.filter(|_| is_same);
            if let Some(signed) = signed.or_else(|| signed_session_id(id, owner, keys)) {
                response.headers_mut().insert(&SESSION_ID, signed);
            }
        }
        response
    }

    /// Returns rmcp's id for the session of a request, if the session belongs to the caller.
    fn verified_session(
        &self,
        request: &Request,
        caller: &Caller,
        connection: &Connection,
    ) -> Result<Option<HeaderValue>, NoSuchSession> {
        let Some(unverified) = request.headers().get(&SESSION_ID) else {
            return Ok(None);
        };
        let owner = caller.subject();
        let known = connection.session.get(unverified.as_bytes());
        if let Some((_, id)) = known.filter(|(holder, _)| holder.subject() == owner) {
            return Ok(Some(id));
        }
        let id =
            verified_session_id(request.headers(), owner, &self.0.keys).ok_or(NoSuchSession)?;
        let verified = unverified.as_bytes();
        connection
            .session
            .insert(verified, (Arc::clone(caller.claims()), id.clone()));
        Ok(Some(id))
    }

    /// Reserves a place for a new session, and closes an idle session if necessary.
    async fn reservation(&self, principal: &str) -> Result<Reservation<'_>, LimitReached> {
        let begun = self.0.limit.begin(principal)?;
        if let Some(id) = begun.to_close {
            tracing::info!("idle session closed to make room for a new one");
            let _ = self.0.manager.close_session(&id).await;
        }
        Ok(begun.reservation)
    }
}

/// Returns rmcp's service, which the caller must protect with the token check.
pub(crate) fn sessions(
    keys: KeyRing,
    handler: SharedHandler,
    stop_begun: CancellationToken,
    stop_over: CancellationToken,
    under_dev: bool,
) -> Sessions {
    let handler = handler.announcing_changes(under_dev);
    let mut sessions = LocalSessionManager::default();
    let mut session_config = SessionConfig::default();
    session_config.keep_alive = Some(KEEP_ALIVE);
    sessions.session_config = session_config;
    let config = StreamableHttpServerConfig::default()
        // `host_guard` checks both before the token is checked.
        .disable_allowed_hosts()
        .disable_allowed_origins()
        // In the stateless form, a single response is plain JSON.
        .with_json_response(true)
        .with_cancellation_token(stop_over);
    let manager = Arc::new(sessions);
    let inner =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&manager), config);
    Sessions::new(inner, manager, keys, stop_begun, under_dev)
}

/// The session is unknown or belongs to another caller.
struct NoSuchSession;

fn too_many_sessions(reached: LimitReached) -> Response {
    tracing::warn!(%reached, "session refused");
    let status = match reached {
        LimitReached::OfPrincipal => StatusCode::TOO_MANY_REQUESTS,
        LimitReached::InAll => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "error": "temporarily_unavailable",
        "error_description": format!("{reached}; end sessions with DELETE, or try again in a minute"),
    });
    (status, [(header::RETRY_AFTER, "60")], Json(body)).into_response()
}

fn digests(id: &str, owner: &str, keys: &KeyRing) -> Vec<[u8; MAC_LEN]> {
    let parts = [b"mcp session".as_slice(), id.as_bytes(), owner.as_bytes()];
    let shortened = macs(keys, &parts).map(|mac| {
        let mut digest = [0; MAC_LEN];
        digest.copy_from_slice(&mac[..MAC_LEN]);
        digest
    });
    shortened.collect()
}

fn signed_session_id(id: &HeaderValue, owner: &str, keys: &KeyRing) -> Option<HeaderValue> {
    let id = id.to_str().ok()?;
    let digest = digests(id, owner, keys).into_iter().next()?;
    HeaderValue::from_str(&format!("{id}.{}", URL_SAFE_NO_PAD.encode(digest))).ok()
}

fn verified_session_id(headers: &HeaderMap, owner: &str, keys: &KeyRing) -> Option<HeaderValue> {
    let (id, unverified) = headers.get(&SESSION_ID)?.to_str().ok()?.rsplit_once('.')?;
    let unverified = URL_SAFE_NO_PAD.decode(unverified).ok()?;
    let ours = digests(id, owner, keys)
        .into_iter()
        .fold(false, |found, digest| {
            found | bool::from(digest.as_slice().ct_eq(&unverified))
        });
    ours.then(|| HeaderValue::from_str(id).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs10_session_id_is_bound_to_its_owner() {
        let keys = KeyRing::random().unwrap();
        let signed = signed_session_id(&HeaderValue::from_static("abc"), "ada", &keys).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(&SESSION_ID, signed);
        assert_eq!(verified_session_id(&headers, "ada", &keys).unwrap(), "abc");
        assert!(verified_session_id(&headers, "bob", &keys).is_none());
        headers.insert(&SESSION_ID, HeaderValue::from_static("abc"));
        assert!(verified_session_id(&headers, "ada", &keys).is_none());
    }
}
