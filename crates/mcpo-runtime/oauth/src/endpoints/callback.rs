//! The callback of the sign-in provider. The response must belong to this browser, must not have
//! been used before, and must arrive within ten minutes.

use axum::{extract::RawQuery, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;

use super::{
    authorize::{AuthorizationRequest, Refusal as RequestRefusal},
    browser_session::Browser,
    consent,
    extractors::PageContext,
    responses::{refused, with_cookie},
    upstream_login::callback_url,
};
use crate::{
    login::{AuthorizationParams, Identity, LoginContext, Outcome, Refusal, Subject, name_owner},
    oauth::{base_url::BaseUrl, error::OAuthError, params::Params},
    pages::{ErrorPage, Link},
    state::App,
    store::GrantId,
    upstream::LoginTransaction,
};

/// The reason why a response is refused without being processed.
enum CallbackError {
    /// The `state` does not belong to a redirect of this browser.
    Foreign(&'static str),
    /// The redirect was already used. The second field is its query.
    Over(&'static str, String),
    /// The ledger is unreachable.
    Unavailable(OAuthError),
}

impl From<OAuthError> for CallbackError {
    fn from(error: OAuthError) -> Self {
        Self::Unavailable(error)
    }
}

pub(crate) async fn get(context: PageContext, RawQuery(query): RawQuery) -> Response {
    let (app, base, client) = (&*context.app, &context.base, context.client);
    let query = query.unwrap_or_default();
    let Ok(params) = Params::parse(query.as_bytes()) else {
        return error_response(app, &CallbackError::Foreign("unreadable"));
    };
    let (id, transaction) = match spend_transaction(&context, &params).await {
        Ok(transaction) => transaction,
        Err(why) => return error_response(app, &why),
    };
    let request = match AuthorizationRequest::verify(app, &transaction.query, client).await {
        Ok(request) => request,
        Err(refusal) => return refusal.after_decision(app, base),
    };
    let login_context = LoginContext {
        source: client.source(),
        now: app.now(),
        authorization: AuthorizationParams {
            callback_url: callback_url(app, base),
            state: URL_SAFE_NO_PAD.encode(id.0),
            secrets: transaction.secrets,
        },
        wants_another_account: false,
    };
    let outcome = app.login.resume(&login_context, &params.into()).await;
    let response = match outcome {
        Outcome::Identity(identity) => {
            match name_owner::check(app.store.as_ref(), &app.clock, app.login.name(), &identity)
                .await
            {
                Ok(Ok(())) => signed_in(app, base, &request, id, identity).await,
                Ok(Err(refusal)) => Ok(refused(app, &refusal, &transaction.query)),
                Err(error) => Err(error.into()),
            }
        }
        Outcome::Refusal(refusal) => Ok(refused(app, &refusal, &transaction.query)),
        Outcome::Page(_) | Outcome::Redirect(_) => {
            let refusal = Refusal::unexpected("the login requests another step");
            Ok(refused(app, &refusal, &transaction.query))
        }
    };
    response
        .unwrap_or_else(|error| RequestRefusal::redirect(&request, error).after_decision(app, base))
}

/// Returns the redirect that a response belongs to, and marks it as used.
async fn spend_transaction(
    context: &PageContext,
    params: &Params,
) -> Result<(GrantId, LoginTransaction), CallbackError> {
    let id = params
        .get("state")
        .and_then(|state| URL_SAFE_NO_PAD.decode(state).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .map(GrantId)
        .ok_or(CallbackError::Foreign("no valid state"))?;
    let records = &context.app.upstream.records;
    let Some((transaction, version)) = records.open_login(id).await? else {
        return Err(CallbackError::Foreign("state unknown, used or too old"));
    };
    // Without this check, an attacker could plant the response of their own sign-in in the browser
    // of another user.
    let browser = context.browser();
    if !browser.is_some_and(|browser| browser.has_id(&transaction.browser)) {
        return Err(CallbackError::Foreign("state of another browser"));
    }
    if records.spend_state(id, version).await? {
        Ok((id, transaction))
    } else {
        Err(CallbackError::Over(
            "state used at the same time",
            transaction.query,
        ))
    }
}

async fn signed_in(
    app: &App,
    base: &BaseUrl,
    request: &AuthorizationRequest,
    id: GrantId,
    mut identity: Identity,
) -> Result<Response, OAuthError> {
    let tokens = identity.upstream.take();
    let upstream = tokens.is_some().then_some(id);
    if let Some(tokens) = tokens {
        app.upstream.records.finish_login(id, tokens).await?;
    }
    let subject = Subject::new(identity, upstream, &app.credential_versions);
    tracing::info!(account = subject.id, "signed in");
    // The user's consent before the redirect was for this request only.
    let browser = Browser::new(app, base, Some(subject.clone()))?;
    let response = consent::allow(app, base, request, subject)?;
    Ok(with_cookie(response, browser.cookie(app, base)?))
}

fn error_response(app: &App, why: &CallbackError) -> Response {
    let (status, fault, what, query) = match why {
        CallbackError::Foreign(fault) => (
            StatusCode::BAD_REQUEST,
            *fault,
            "This page works once, within ten minutes, and only in the browser where you started \
             to sign in.",
            None,
        ),
        CallbackError::Over(fault, query) => (
            StatusCode::BAD_REQUEST,
            *fault,
            "This sign-in was already used.",
            Some(query),
        ),
        CallbackError::Unavailable(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            error.code.as_str(),
            "This server cannot reach its storage at the moment.",
            None,
        ),
    };
    tracing::warn!(fault, "sign-in response refused");
    let page = ErrorPage {
        title: "You are not signed in",
        what: what.into(),
        remedy: "Start again from the program that you came from.",
        link: query.map(|query| Link::start_again(query)),
    };
    app.pages.error(status, &page)
}
