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
    response::Response,
};
use http::{Method, header};
use tower_http::{
    cors::{Cors, CorsLayer},
    timeout::TimeoutBody,
};
use tower_layer::Layer as _;
use tower_service::Service;

use super::Sessions;
use crate::{app::App, base_url::BaseUrl, bearer, host, routes, trail::Trail};

type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The protected resource. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Shared>);

struct Shared {
    guarded: Guarded,
    for_pages: Cors<Guarded>,
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
    async fn handle(&self, mut request: Request) -> Response {
        let base = match host::named(&self.guarded.app, request.headers()) {
            Ok(base) => base,
            Err(refusal) => return *refusal,
        };
        let is_from_page =
            request.headers().contains_key(header::ORIGIN) || request.method() == Method::OPTIONS;
        if !is_from_page {
            return self.guarded.handle(base, request).await;
        }
        request.extensions_mut().insert::<BaseUrl>(base.clone());
        let Ok(response) = self.for_pages.clone().call(request).await;
        response
    }
}

impl Guarded {
    async fn handle(&self, base: &BaseUrl, request: Request) -> Response {
        if let Err(refusal) = host::check_origin(&self.app, request.headers()) {
            return *refusal;
        }
        let (parts, body) = request.into_parts();
        match bearer::admit(&self.app, base, &parts, impatient(body)).await {
            Ok((caller, body)) => {
                let request = Request::from_parts(parts, body);
                self.sessions.handle(request, caller).await
            }
            Err(refusal) => *refusal,
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
            Ok(trail.follow(shared.handle(request)).await)
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
            let base = request.extensions().get::<BaseUrl>().cloned();
            let base = base.unwrap_or_else(|| guarded.app.bases.primary().clone());
            Ok(guarded.handle(&base, request).await)
        })
    }
}
