//! `POST /consent`: the person's decision, and the code that comes of it.

use std::sync::Arc;

use axum::{Extension, body::Bytes, extract::State, response::Response};
use http::HeaderMap;

use crate::{
    app::App,
    authorize::{AuthorizationRequest, Refusal, forged_form, return_to_client, stale_form},
    base_url::BaseUrl,
    browser::{Browser, Form, FormError, FormKind, is_cross_site},
    grant::{CODE_LIFETIME, Code, Grant},
    ledger::GrantId,
    login::Identity,
    oauth_error::{ErrorCode, OAuthError},
    params::Params,
};

pub(crate) async fn post(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(params) = Params::parse(&body) else {
        return forged_form(&app);
    };
    if is_cross_site(&headers, &app) {
        return forged_form(&app);
    }
    let browser = Browser::recognise(&headers, &app, &base);
    let form = Form::open(
        params.get("form"),
        FormKind::Consent,
        browser.as_ref(),
        &app,
    );
    let form = match form {
        Ok(form) => form,
        Err(FormError::Stale(query)) => return stale_form(&app, &query),
        Err(FormError::Forged) => return forged_form(&app),
    };
    let Some(identity) = browser.and_then(|browser| browser.identity(&app)) else {
        return stale_form(&app, &form.query);
    };
    let request = match AuthorizationRequest::verify(&app, &form.query).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(&app, &base),
    };
    let outcome = match params.get("decision") {
        Some("allow") => allow(&app, &base, &request, identity),
        Some("deny") => Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "the user denied access",
        )),
        _ => return forged_form(&app),
    };
    outcome.unwrap_or_else(|error| {
        tracing::info!(client = ?request.client.key, error = error.code.as_str(), "no code");
        Refusal::redirect(&request, error).into_response(&app, &base)
    })
}

fn allow(
    app: &App,
    base: &BaseUrl,
    request: &AuthorizationRequest,
    identity: Identity,
) -> Result<Response, OAuthError> {
    let resource = request.resource.clone();
    let code = Code {
        grant: Grant {
            id: GrantId::random()?,
            client: request.client.key,
            client_name: request.client.name.clone(),
            identity,
            scopes: request.scopes.clone(),
            resource: resource.unwrap_or_else(|| base.resource()),
        },
        redirect_uri: request.redirect_fingerprint(),
        challenge: request.challenge,
        expires_at: app.now().plus(CODE_LIFETIME),
    };
    let text = app.keys.seal(&code)?;
    tracing::info!(client = ?request.client.key, grant = ?code.grant.id, "access allowed");
    Ok(return_to_client(
        app,
        base,
        &request.back,
        [("code", text.as_str())],
    ))
}
