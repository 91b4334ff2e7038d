//! The issuer's metadata and key set.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde_json::{Value, json};

use super::{IssuerFault, Shared, provider};

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration/tenant", get(document))
        .route("/tenant/.well-known/openid-configuration", get(document))
        .route("/tenant/keys", get(keys))
        .route("/tenant/token", post(provider::token))
        .route("/tenant/userinfo", get(provider::userinfo))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            apply_fault,
        ))
        .with_state(shared)
}

impl Shared {
    fn fault(&self) -> IssuerFault {
        *self.fault.lock().expect("no panic")
    }
}

async fn apply_fault(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.fault() {
        IssuerFault::Down => return StatusCode::BAD_GATEWAY.into_response(),
        IssuerFault::Hangs => tokio::time::sleep(Duration::from_secs(60)).await,
        _ => {}
    }
    next.run(request).await
}

async fn document(State(shared): State<Arc<Shared>>) -> Response {
    let issuer = &shared.issuer;
    let named = match shared.fault() {
        IssuerFault::NoDocuments => return StatusCode::NOT_FOUND.into_response(),
        IssuerFault::NotJson => return "<html>".into_response(),
        IssuerFault::OtherIssuer => format!("{issuer}/"),
        _ => issuer.clone(),
    };
    let keys = match shared.fault() {
        IssuerFault::PlainKeys => "http://keys.example/tenant/keys".to_owned(),
        _ => format!("{issuer}/keys"),
    };
    let mut document = json!({
        "issuer": named,
        "jwks_uri": keys,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    let users = shared.users.lock().expect("no panic");
    document["authorization_response_iss_parameter_supported"] = (!users.wrong.silent).into();
    if users.wrong.no_userinfo {
        document["userinfo_endpoint"] = Value::Null;
    }
    Json(document).into_response()
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.key_requests.fetch_add(1, Ordering::SeqCst);
    match shared.fault() {
        IssuerFault::EndlessKeys => {
            let chunk = Bytes::from(vec![b' '; 64 * 1024]);
            let chunks = stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone()));
            (
                [(header::CONTENT_TYPE, "application/json")],
                Body::from_stream(chunks),
            )
                .into_response()
        }
        IssuerFault::NoKeys => Json(json!({ "keys": [] })).into_response(),
        IssuerFault::RedirectedKeys => Redirect::temporary("/elsewhere").into_response(),
        _ => {
            let keys = shared.keys.lock().expect("no panic");
            let keys: Vec<Value> = keys.iter().map(super::SigningKey::jwk).collect();
            Json(json!({ "keys": keys })).into_response()
        }
    }
}
