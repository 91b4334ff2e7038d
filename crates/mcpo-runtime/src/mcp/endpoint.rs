//! Implements `/mcp`: all steps that a message goes through.
//!
//! Every call takes this path. As layers around a route, these checks cost more than their work:
//! each layer clones everything below it and boxes the response. So the steps are called directly,
//! in order, and only requests from pages go through the CORS layer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use tower_http::cors::{Cors, CorsLayer};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{Admission, Sessions, sign_out};
use crate::{
    app::App, base_url::BaseUrl, bearer, caller::Caller, client_ip::ClientIp,
    connection::Connection, host, live, trail::Trail,
};

/// Every request of the newer protocol form has this header; no request of the older form does
/// (SEP-2243).
static MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");

type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The protected resource. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Shared>);

struct Shared {
    guarded: Guarded,
    for_pages: Cors<Guarded>,
}

/// The context of a request, stored before it goes through the CORS layer.
#[derive(Clone)]
struct Seen {
    base: BaseUrl,
    trail: Trail,
    connection: Arc<Connection>,
}

/// The steps after the check of the `Host` header.
#[derive(Clone)]
struct Guarded {
    app: Arc<App>,
    sessions: Sessions,
}

impl Endpoint {
    /// `for_pages` answers preflight requests, and sets which headers pages may read.
    pub(crate) fn new(app: &Arc<App>, sessions: Sessions, for_pages: &CorsLayer) -> Self {
        let guarded = Guarded {
            app: Arc::clone(app),
            sessions,
        };
        Self(Arc::new(Shared {
            for_pages: for_pages.layer(guarded.clone()),
            guarded,
        }))
    }

    /// Responds to a request on `connection`.
    pub(crate) async fn answer(self, request: Request, connection: Arc<Connection>) -> Response {
        let trail = Trail::of(&request);
        let response = self.0.handle(&trail, request, connection).await;
        trail.end(response)
    }
}

impl Shared {
    async fn handle(
        &self,
        trail: &Trail,
        mut request: Request,
        connection: Arc<Connection>,
    ) -> Response {
        let named = || host::named(&self.guarded.app, connection.peer, request.headers());
        let named = trail.within(named);
        let base = match named {
            Ok(base) => base,
            Err(refusal) => return *refusal,
        };
        let is_from_page =
            request.headers().contains_key(header::ORIGIN) || request.method() == Method::OPTIONS;
        if !is_from_page {
            let guarded = &self.guarded;
            return guarded.handle(&base, trail, &connection, request).await;
        }
        let seen = Seen {
            base: base.into_owned(),
            trail: trail.clone(),
            connection,
        };
        request.extensions_mut().insert(seen);
        let Ok(response) = Box::pin(self.for_pages.clone().call(request)).await;
        response
    }
}

impl Guarded {
    /// Returns the name under which the caller's sessions are counted. Without a sign-in all
    /// callers have the same subject, so the source address is used.
    fn principal(&self, caller: &Caller, connection: &Connection, headers: &HeaderMap) -> String {
        if self.app.is_open() || caller.is_anonymous() {
            let client = ClientIp::of(connection.peer, headers, &self.app);
            client.source().address().to_string()
        } else {
            caller.subject().to_owned()
        }
    }

    async fn handle(
        &self,
        base: &BaseUrl,
        trail: &Trail,
        connection: &Connection,
        request: Request,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let admitted = async {
            host::check_origin(&self.app, &parts.headers)?;
            bearer::admit(&self.app, base, &parts, body, connection).await
        };
        let admitted = match trail.around(admitted).await {
            Ok(admitted) => admitted,
            Err(refusal) => return *refusal,
        };
        let caller = admitted.caller.marked(trail.mark().cloned());
        let begins_session = admitted.demand.begins_session;
        let admission = Admission {
            begins_session_of: begins_session
                .then(|| self.principal(&caller, connection, &parts.headers)),
            caller: caller.clone(),
        };
        let request = Request::from_parts(parts, Body::from(admitted.body));
        let stands_alone = request.headers().contains_key(&MCP_METHOD);
        let is_call = request.method() == Method::POST;
        let holder = (is_call && caller.sign_in().is_some()).then(|| caller.clone());
        let ended = live::ended(Arc::clone(&self.app), caller.grant());
        let answer = self.sessions.handle(request, admission, connection, ended);
        let response = if stands_alone {
            trail.around(answer).await
        } else {
            trail.beside(answer).await
        };
        let Some(holder) = holder else {
            return response;
        };
        let response = Box::pin(sign_out::once_begun(response)).await;
        if holder.is_signed_out() {
            return bearer::signed_out(&self.app, base);
        }
        response
    }
}

impl Service<Request> for Endpoint {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        // In another application, only the peer address of a connection is known.
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let connection = Connection {
            peer: peer.map(|ConnectInfo(peer)| *peer),
            ..Connection::default()
        };
        let answer = self.clone().answer(request, Arc::new(connection));
        Box::pin(async move { Ok(answer.await) })
    }
}

impl Service<Request> for Guarded {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        let guarded = self.clone();
        Box::pin(async move {
            let seen = request.extensions().get::<Seen>().cloned();
            let Some(seen) = seen else {
                // Only the CORS layer calls this, with the context that `Shared` has stored.
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            };
            let Seen {
                base,
                trail,
                connection,
            } = seen;
            let answer = guarded.handle(&base, &trail, &connection, request);
            Ok(answer.await)
        })
    }
}
