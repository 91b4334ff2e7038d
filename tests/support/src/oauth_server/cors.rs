//! CORS: the headers that let scripts in a browser read responses.

use std::sync::Arc;

use axum::{
    extract::{Request, State as Extract},
    http::{HeaderValue, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Fault, Vulnerability, state::State};

pub async fn allow(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    let asked = request.method() == Method::OPTIONS;
    let mut response = if asked {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    if state.has(Fault::NoCors) {
        return response;
    }
    let credentials = state.is_vulnerable_to(Vulnerability::PageCors);
    let mut set = |name: &'static str, value: &'static str| {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    };
    if credentials {
        set("access-control-allow-origin", "https://attacker.example");
        set("access-control-allow-credentials", "true");
        return response;
    }
    set("access-control-allow-origin", "*");
    if asked {
        set("access-control-allow-headers", "authorization, *");
    } else if !state.has(Fault::CorsHidesChallenge) {
        set("access-control-expose-headers", "WWW-Authenticate");
    }
    response
}
