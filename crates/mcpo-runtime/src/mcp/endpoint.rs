//! Implements `/mcp`: all steps that a message goes through.
//!
//! Every call takes this path. As layers around a route, these checks cost more than their work:
//! each layer clones everything below it and boxes the response. So the steps are called directly,
//! in order, and only requests from pages go through the CORS layer.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use mcpo_runtime_oauth::{
    base::request_log::RequestLog,
    endpoints::{
        extractors::peer,
        host_guard,
        navigation::{for_program, is_navigation},
        site,
    },
    net::client_ip::ClientIp,
    oauth::{base_url::BaseUrl, paths},
    resource_server::{authenticate, connection_cache::Connection},
    state::App,
};
use tower_http::cors::{Cors, CorsLayer};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{
    access,
    erased::SharedHandler,
    priming_event, reauthentication,
    required_scopes::RequiredScopes,
    session::{SessionRequest, Sessions},
};
use crate::caller::Caller;

/// Every request of the newer protocol form has this header; no request of the older form does
/// (SEP-2243).
static MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The protected resource. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Shared>);

struct Shared {
    guarded: Guarded,
    for_pages: Cors<Guarded>,
}

/// The context of a request, stored before it goes through the CORS layer.
#[derive(Clone)]
struct Prepared {
    base: BaseUrl,
    log: RequestLog,
    connection: Arc<Connection>,
}

/// The steps after the check of the `Host` header.
#[derive(Clone)]
struct Guarded {
    app: Arc<App>,
    required_scopes: Arc<RequiredScopes>,
    sessions: Sessions,
}

impl Endpoint {
    /// `for_pages` answers preflight requests, and sets which headers pages may read.
    pub(crate) fn new(
        app: &Arc<App>,
        handler: SharedHandler,
        sessions: Sessions,
        for_pages: &CorsLayer,
    ) -> Self {
        let guarded = Guarded {
            app: Arc::clone(app),
            required_scopes: Arc::new(RequiredScopes::new(handler)),
            sessions,
        };
        Self(Arc::new(Shared {
            for_pages: for_pages.layer(guarded.clone()),
            guarded,
        }))
    }

    /// Responds to a request on `connection`.
    pub(crate) async fn answer(self, request: Request, connection: Arc<Connection>) -> Response {
        let log = RequestLog::new(&request, paths::step(request.uri().path()));
        let response = self.0.handle(&log, request, connection).await;
        log.end(response)
    }
}

impl Shared {
    async fn handle(
        &self,
        log: &RequestLog,
        mut request: Request,
        connection: Arc<Connection>,
    ) -> Response {
        let named = || host_guard::named(&self.guarded.app, connection.peer, request.headers());
        let named = log.run_sync(named);
        let base = match named {
            Ok(base) => base,
            Err(refusal) => return *refusal,
        };
        let is_from_page =
            request.headers().contains_key(header::ORIGIN) || request.method() == Method::OPTIONS;
        if is_navigation(request.method(), request.headers()) {
            let page = Box::pin(site::landing(&self.guarded.app, &base));
            return log.run(page).await;
        }
        if !is_from_page {
            let guarded = &self.guarded;
            return guarded.handle(&base, log, &connection, request).await;
        }
        let prepared = Prepared {
            base: base.into_owned(),
            log: log.clone(),
            connection,
        };
        request.extensions_mut().insert(prepared);
        let Ok(response) = Box::pin(self.for_pages.clone().call(request)).await;
        response
    }
}

impl Guarded {
    /// Returns the name under which the caller's sessions are counted. Without a sign-in all
    /// callers have the same subject, so the source address is used.
    fn principal(&self, caller: &Caller, connection: &Connection, headers: &HeaderMap) -> String {
        if self.app.is_open() || caller.is_anonymous() {
            let client = ClientIp::of(connection.peer, headers, &self.app.trusted_proxies);
            client.source().address().to_string()
        } else {
            caller.subject().to_owned()
        }
    }

    async fn handle(
        &self,
        base: &BaseUrl,
        log: &RequestLog,
        connection: &Connection,
        request: Request,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let message = {
            let checked = pin!(async {
                host_guard::check_origin(&self.app, &parts.headers)?;
                access::authorize(
                    &self.app,
                    &self.required_scopes,
                    base,
                    &parts,
                    body,
                    connection,
                )
                .await
            });
            log.run(checked).await
        };
        let message = match message {
            Ok(message) => message,
            Err(refusal) => return for_program(&method, *refusal),
        };
        let caller = message.caller.in_request(log.context().cloned());
        let begins_session = message.summary.begins_session;
        let session_request = SessionRequest {
            begins_session_of: begins_session
                .then(|| self.principal(&caller, connection, &parts.headers)),
            caller: caller.clone(),
        };
        let request = Request::from_parts(parts, Body::from(message.body));
        let is_stateless = request.headers().contains_key(&MCP_METHOD);
        let is_call = request.method() == Method::POST;
        let caller_at_provider = (is_call && caller.sign_in().is_some()).then(|| caller.clone());
        // Only an open GET stream waits for the end of the grant.
        let ended = (request.method() == Method::GET)
            .then(|| Arc::clone(&self.app.grants).ended(caller.grant()).boxed());
        // Pinned here, because it is large and would be moved with each future around it.
        let answer = pin!(
            self.sessions
                .handle(request, session_request, connection, ended)
        );
        let response = if is_stateless {
            log.run(answer).await
        } else {
            log.run_detached(answer).await
        };
        let Some(caller_at_provider) = caller_at_provider else {
            return if is_call && priming_event::is_stream(&response) {
                // Boxed, because it would make the future of every call larger.
                Box::pin(priming_event::join_with_result(response)).await
            } else {
                response
            };
        };
        let response = Box::pin(reauthentication::wait_for_first_event(response)).await;
        if caller_at_provider.is_signed_out() {
            return authenticate::signed_out(&self.app, base);
        }
        response
    }
}

impl Service<Request> for Endpoint {
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> ResponseFuture {
        // In another application, only the peer address of a connection is known.
        let connection = Connection {
            peer: peer(request.extensions()),
            ..Connection::default()
        };
        let answer = self.clone().answer(request, Arc::new(connection));
        Box::pin(async move { Ok(answer.await) })
    }
}

impl Service<Request> for Guarded {
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> ResponseFuture {
        let guarded = self.clone();
        Box::pin(async move {
            let prepared = request.extensions().get::<Prepared>().cloned();
            let Some(prepared) = prepared else {
                // Only the CORS layer calls this, with the context that `Shared` has stored.
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            };
            let Prepared {
                base,
                log,
                connection,
            } = prepared;
            let answer = guarded.handle(&base, &log, &connection, request);
            Ok(answer.await)
        })
    }
}
