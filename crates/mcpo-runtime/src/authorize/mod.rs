//! `GET /authorize`: shows whichever page the person has to see next.
//!
//! It changes nothing, so it can be asked any number of times: some clients fetch it before they
//! open the browser, and people press reload. The sign-in form leads back here, and so will the
//! answer of an identity provider.

mod request;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    extract::{ConnectInfo, RawQuery, State},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

pub(crate) use self::request::{AuthorizationRequest, Refusal, ReturnPath, verify_resource};
use crate::{
    app::App,
    base_url::BaseUrl,
    browser::{Browser, FormKind},
    login::{
        Away, Outcome, Page, Person, Provider, Refusal as LoginRefusal, RefusalKind, Secrets, Visit,
    },
    oauth_error::OAuthError,
    pages::{ConsentPage, ErrorPage, HandoverPage, ScopeLine, SignInPage},
    routes,
    scope::DEFAULT_SCOPE,
    source,
    throttle::Source,
};

pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match AuthorizationRequest::verify(&app, &query).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(&app, &base),
    };
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    let source = source::of(peer, &headers, &app);
    let known = Browser::recognise(&headers, &app, &base);
    let page = next_page(&app, &base, &query, &request, known, source).await;
    page.unwrap_or_else(|error| Refusal::redirect(&request, error).into_response(&app, &base))
}

async fn next_page(
    app: &App,
    base: &BaseUrl,
    query: &str,
    request: &AuthorizationRequest,
    known: Option<Browser>,
    source: Source,
) -> Result<Response, OAuthError> {
    let person = known.as_ref().and_then(|browser| browser.person(app));
    if let (Some(browser), Some(person)) = (&known, &person) {
        return consent_page(app, browser, Some(person), query, request);
    }
    let (browser, is_new) = match known {
        Some(browser) => (browser, false),
        None => (Browser::new(app, None)?, true),
    };
    // The provider would let every client through that stands behind this server: so the person is
    // asked about this one before.
    if app.login.provider().is_some() {
        let page = consent_page(app, &browser, None, query, request)?;
        return with_new_cookie(page, is_new, &browser, app, base);
    }
    match app.login.begin(&at_home(app, source)?).await {
        Outcome::Identity(identity) => {
            let person = Person::new(identity, None, &app.epochs);
            let browser = Browser::new(app, Some(person.clone()))?;
            let page = consent_page(app, &browser, Some(&person), query, request)?;
            with_cookie(page, &browser, app, base)
        }
        Outcome::Page(page) => {
            let page = sign_in_page(app, &browser, query, request, &page)?;
            with_new_cookie(page, is_new, &browser, app, base)
        }
        Outcome::Refusal(refusal) => Ok(refused(app, &refusal, query)),
        Outcome::Redirect(_) => {
            let refusal =
                LoginRefusal::unexpected("the login leads to a provider it does not name");
            Ok(refused(app, &refusal, query))
        }
    }
}

/// A visit of somebody who signs in on pages of this server.
pub(crate) fn at_home(app: &App, source: Source) -> Result<Visit, OAuthError> {
    Ok(Visit {
        source,
        now: app.now(),
        away: Away {
            callback_url: String::new(),
            state: String::new(),
            secrets: Secrets::random()?,
        },
        wants_another_account: false,
    })
}

/// The sign-in form. Always 200: clients that look at the page first take nothing else.
pub(crate) fn sign_in_page(
    app: &App,
    browser: &Browser,
    query: &str,
    request: &AuthorizationRequest,
    page: &Page,
) -> Result<Response, OAuthError> {
    let page = SignInPage {
        client: &request.client.name,
        action: routes::SIGN_IN,
        form: browser.form(app, FormKind::SignIn, query)?,
        page,
    };
    // The form's answer leads to the consent form on this server, and no further.
    Ok(app.pages.form(StatusCode::OK, &page, ""))
}

/// The question whether the client may have access: of somebody who has signed in, or will at the
/// provider if the answer is yes.
fn consent_page(
    app: &App,
    browser: &Browser,
    person: Option<&Person>,
    query: &str,
    request: &AuthorizationRequest,
) -> Result<Response, OAuthError> {
    let provider = app.login.provider();
    let page = ConsentPage {
        client: &request.client.name,
        vouched_by: request.client.vouched_by.as_deref(),
        destination: request.back.redirect_uri.destination(),
        loopback: request.back.redirect_uri.is_loopback(),
        scopes: request.scopes.iter().map(describe).collect(),
        person: person.map(Person::shown),
        provider: provider.as_ref().map(|provider| &*provider.name),
        provider_scopes: provider
            .as_ref()
            .map_or(&[][..], |provider| &provider.scopes),
        action: routes::CONSENT,
        form: browser.form(app, FormKind::Consent, query)?,
    };
    let mut leads_to = request.back.redirect_uri.csp_source();
    if let Some(Provider {
        plain_origin: Some(origin),
        ..
    }) = &provider
    {
        leads_to.push(' ');
        leads_to.push_str(origin);
    }
    if provider.is_some() {
        leads_to.push_str(" https:");
    }
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

fn with_new_cookie(
    response: Response,
    is_new: bool,
    browser: &Browser,
    app: &App,
    base: &BaseUrl,
) -> Result<Response, OAuthError> {
    if is_new {
        with_cookie(response, browser, app, base)
    } else {
        Ok(response)
    }
}

/// Somebody's sign-in counts no more: the flow starts again in a browser that knows nobody.
pub(crate) fn signed_out(app: &App, base: &BaseUrl, query: &str) -> Result<Response, OAuthError> {
    let response = see_other(&format!("{}?{query}", routes::AUTHORIZE));
    with_cookie(response, &Browser::new(app, None)?, app, base)
}

/// What a person is told whose sign-in does not go on.
pub(crate) fn refused(app: &App, refusal: &LoginRefusal, query: &str) -> Response {
    tracing::warn!(fault = %refusal.fault, "sign-in refused");
    let (status, remedy) = match refusal.kind {
        RefusalKind::NotAllowed => (
            StatusCode::FORBIDDEN,
            "If you have another account, sign in with that one; or ask whoever runs this server.",
        ),
        RefusalKind::Unexpected => (
            StatusCode::BAD_GATEWAY,
            "Try again. If it happens again, tell whoever runs this server; its log says more.",
        ),
        RefusalKind::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Nothing was changed. Try again in a moment.",
        ),
    };
    let page = ErrorPage {
        title: "You are not signed in",
        what: refusal.what.clone().into_owned(),
        remedy,
        retry: Some(format!("{}?{query}", routes::AUTHORIZE)),
    };
    app.pages.error(status, &page)
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
