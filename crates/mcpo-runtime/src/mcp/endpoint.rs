//! `/mcp`: what a message goes through, in one piece.
//!
//! Every call comes this way. As layers around a route the same checks cost more than what they
//! check: each layer clones all that is below it and boxes what comes back. So they stand here in
//! their order, and only what comes from a page goes through the layer for pages.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{Method, StatusCode, header};
use tower_http::{
    cors::{Cors, CorsLayer},
    timeout::TimeoutBody,
};
use tower_layer::Layer as _;
use tower_service::Service;
use tracing::{Instrument as _, Span};

use super::Sessions;
use crate::{app::App, base_url::BaseUrl, bearer, host, routes, trail::Trail};

/// Every request of the newer form has it, none of the older (SEP-2243).
const MCP_METHOD: &str = "mcp-method";

type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The protected resource. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Shared>);

struct Shared {
    guarded: Guarded,
    for_pages: Cors<Guarded>,
}

/// What was learnt of a request before it went through the layer for pages.
#[derive(Clone)]
struct Seen {
    base: BaseUrl,
    span: Span,
}

/// What stands behind the check of the host.
#[derive(Clone)]
struct Guarded {
    app: Arc<App>,
    sessions: Sessions,
}

impl Endpoint {
    /// `for_pages` answers preflights, and tells pages what they may read.
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
}

impl Shared {
    async fn handle(&self, span: &Span, mut request: Request) -> Response {
        let named = span.in_scope(|| host::named(&self.guarded.app, request.headers()));
        let base = match named {
            Ok(base) => base,
            Err(refusal) => return *refusal,
        };
        let is_from_page =
            request.headers().contains_key(header::ORIGIN) || request.method() == Method::OPTIONS;
        if !is_from_page {
            return self.guarded.handle(base, span, request).await;
        }
        let seen = Seen {
            base: base.clone(),
            span: span.clone(),
        };
        request.extensions_mut().insert(seen);
        let Ok(response) = self.for_pages.clone().call(request).await;
        response
    }
}

impl Guarded {
    async fn handle(&self, base: &BaseUrl, span: &Span, request: Request) -> Response {
        let checked = async {
            host::check_origin(&self.app, request.headers())?;
            let (parts, body) = request.into_parts();
            let admitted = bearer::admit(&self.app, base, &parts, impatient(body)).await;
            let (caller, body) = admitted?;
            Ok::<_, Box<Response>>((Request::from_parts(parts, body), caller))
        };
        let (request, caller) = match checked.instrument(span.clone()).await {
            Ok(admitted) => admitted,
            Err(refusal) => return *refusal,
        };
        let stands_alone = request.headers().contains_key(MCP_METHOD);
        let answer = self.sessions.handle(request, caller);
        if stands_alone {
            answer.instrument(span.clone()).await
        } else {
            // A session that begins here would take the span along, and its later calls would
            // be told under the id of this request.
            answer.await
        }
    }
}

/// A body that stops coming must not hold a place for ever.
fn impatient(body: Body) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(TimeoutBody::new(routes::BODY_TIMEOUT, body))
}

impl Service<Request> for Endpoint {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let trail = Trail::of(&request);
            let response = shared.handle(trail.span(), request).await;
            Ok(trail.end(response))
        })
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
            let Some(Seen { base, span }) = seen else {
                // Only the layer for pages calls this, with what `Shared` has left there.
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            };
            Ok(guarded.handle(&base, &span, request).await)
        })
    }
}
