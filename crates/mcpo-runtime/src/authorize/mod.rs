//! `GET /authorize`: shows whichever page the person has to see next.
//!
//! It changes nothing, so it can be asked any number of times: some clients fetch it before they
//! open the browser, and people press reload. The sign-in form leads back here, and so will the
//! answer of an identity provider.

mod request;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

pub(crate) use self::request::{AuthorizationRequest, Refusal, ReturnPath, verify_resource};
use crate::{
    app::App,
    base_url::BaseUrl,
    browser::{Browser, FormKind},
    login::Identity,
    oauth_error::OAuthError,
    pages::{ConsentPage, ErrorPage, HandoverPage, ScopeLine, SignInPage},
    routes,
    scope::DEFAULT_SCOPE,
};

pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match AuthorizationRequest::verify(&app, &query).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(&app, &base),
    };
    let page = next_page(&app, &base, &query, &request, &headers);
    page.unwrap_or_else(|error| Refusal::redirect(&request, error).into_response(&app, &base))
}

fn next_page(
    app: &App,
    base: &BaseUrl,
    query: &str,
    request: &AuthorizationRequest,
    headers: &HeaderMap,
) -> Result<Response, OAuthError> {
    let known = Browser::recognise(headers, app, base);
    let signed_in = known.as_ref().and_then(|browser| browser.identity(app));
    if let (Some(browser), Some(identity)) = (&known, &signed_in) {
        return consent_page(app, browser, identity, query, request);
    }
    if let Some(identity) = app.login.without_asking(&app.keys) {
        let browser = Browser::new(app, Some(identity.clone()))?;
        let page = consent_page(app, &browser, &identity, query, request)?;
        return with_cookie(page, &browser, app, base);
    }
    match known {
        Some(browser) => sign_in_page(app, &browser, query, request, None),
        None => {
            let browser = Browser::new(app, None)?;
            let page = sign_in_page(app, &browser, query, request, None)?;
            with_cookie(page, &browser, app, base)
        }
    }
}

/// The sign-in form; `problem` says what was wrong with the attempt before. Always 200: clients
/// that look at the page first take nothing else.
pub(crate) fn sign_in_page(
    app: &App,
    browser: &Browser,
    query: &str,
    request: &AuthorizationRequest,
    problem: Option<String>,
) -> Result<Response, OAuthError> {
    let page = SignInPage {
        client: &request.client.name,
        action: routes::SIGN_IN,
        form: browser.form(app, FormKind::SignIn, query)?,
        problem,
    };
    // The form's answer leads to the consent form on this server, and no further.
    Ok(app.pages.form(StatusCode::OK, &page, ""))
}

fn consent_page(
    app: &App,
    browser: &Browser,
    identity: &Identity,
    query: &str,
    request: &AuthorizationRequest,
) -> Result<Response, OAuthError> {
    let page = ConsentPage {
        client: &request.client.name,
        vouched_by: request.client.vouched_by.as_deref(),
        destination: request.back.redirect_uri.destination(),
        loopback: request.back.redirect_uri.is_loopback(),
        scopes: request.scopes.iter().map(describe).collect(),
        subject: &identity.subject,
        action: routes::CONSENT,
        form: browser.form(app, FormKind::Consent, query)?,
    };
    let leads_to = request.back.redirect_uri.csp_source();
    Ok(app.pages.form(StatusCode::OK, &page, &leads_to))
}

fn describe(name: &str) -> ScopeLine<'_> {
    let description = match name {
        DEFAULT_SCOPE => "Use the tools of this server",
        _ => "Use",
    };
    ScopeLine { name, description }
}

pub(crate) fn with_cookie(
    mut response: Response,
    browser: &Browser,
    app: &App,
    base: &BaseUrl,
) -> Result<Response, OAuthError> {
    let cookie = browser.cookie(app, base)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Sends the browser back to the client. 303, so that the client gets a GET whatever was sent;
/// a page, where the client is a program of its own.
pub(crate) fn return_to_client<'a>(
    app: &App,
    base: &'a BaseUrl,
    back: &'a ReturnPath,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Response {
    let parameters = parameters
        .into_iter()
        .chain(back.state.as_deref().map(|state| ("state", state)))
        // RFC 9207: the client learns which server this answer is from.
        .chain([("iss", base.as_str())]);
    let location = back.redirect_uri.with_query(parameters);
    if back.redirect_uri.is_web() {
        return see_other(location.as_str());
    }
    app.pages.handover(&HandoverPage {
        client: &back.client_name,
        location: location.as_str(),
    })
}

/// A redirect that nothing on the way keeps a copy of.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = Redirect::to(location).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// What a form gets that was open for too long, or was opened before a sign-in elsewhere.
pub(crate) fn stale_form(app: &App, query: &str) -> Response {
    let page = ErrorPage {
        title: "This page is too old",
        what: "The form was open for a long time, or you signed in on another page since.".into(),
        remedy: "Nothing was changed. Start again to see a fresh page.",
        retry: Some(format!("{}?{query}", routes::AUTHORIZE)),
    };
    app.pages.error(StatusCode::OK, &page)
}

/// What a form gets that this server never showed.
pub(crate) fn forged_form(app: &App) -> Response {
    tracing::warn!("a form came in that this server did not show");
    let page = ErrorPage {
        title: "This form was not accepted",
        what: "It was not sent from a page of this server.".into(),
        remedy: "Go back to the program you came from and connect again.",
        retry: None,
    };
    app.pages.error(StatusCode::FORBIDDEN, &page)
}
