//! The functions `get`, `post` and `any`, which do the same as those of axum.
//!
//! axum's code for a handler is generic over its type. These functions erase the type, so that this
//! code is compiled once for all handlers.

use std::{pin::Pin, sync::Arc};

use axum::{
    extract::Request,
    handler::Handler,
    response::Response,
    routing::{self, MethodRouter},
};

use crate::state::App;

type ResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler without its type.
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
