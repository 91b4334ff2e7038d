//! axum's functions for the methods of an endpoint, with the endpoint's type erased.
//!
//! axum's code for an endpoint is generic over its function. With the type erased, it is compiled
//! once for all endpoints.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::{
    extract::Request,
    handler::Handler,
    response::Response,
    routing::{self, MethodRouter},
};

use crate::state::App;

type ResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// An endpoint without the type of its function.
#[derive(Clone)]
struct ErasedHandler(Arc<dyn Fn(Request, Arc<App>) -> ResponseFuture + Send + Sync>);

fn erased<H, T>(handler: H) -> ErasedHandler
where
    H: Handler<T, Arc<App>, Future = ResponseFuture> + Sync,
{
    ErasedHandler(Arc::new(move |request, app| {
        handler.clone().call(request, app)
    }))
}

impl Handler<(), Arc<App>> for ErasedHandler {
    type Future = ResponseFuture;

    fn call(self, request: Request, app: Arc<App>) -> ResponseFuture {
        (self.0)(request, app)
    }
}

pub(crate) fn get<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: Handler<T, Arc<App>, Future = ResponseFuture> + Sync,
{
    routing::get(erased(handler))
}

pub(crate) fn post<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: Handler<T, Arc<App>, Future = ResponseFuture> + Sync,
{
    routing::post(erased(handler))
}

pub(crate) fn any<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: Handler<T, Arc<App>, Future = ResponseFuture> + Sync,
{
    routing::any(erased(handler))
}
