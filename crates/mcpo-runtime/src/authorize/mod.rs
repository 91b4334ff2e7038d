//! `GET /authorize`: shows the page that comes next: sign-in, consent, or an error.
//!
//! It changes nothing, so it can be requested any number of times: some clients fetch it before
//! they open the browser, and users reload the page. The sign-in form and the callback of an
//! identity provider lead back here.

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
    browser::{Browser, FormKind, Unusable},
    client_ip::ClientIp,
    login::{Away, Outcome, Page, Person, Refusal as LoginRefusal, RefusalKind, Secrets, Visit},
    oauth_error::OAuthError,
    pages::{ConsentPage, ErrorPage, HandoverPage, Link, ScopeLine, SignInPage},
    routes,
    scope::DEFAULT_SCOPE,
    throttle::Source,
};

pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    client: ClientIp,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match AuthorizationRequest::verify(&app, &query, client).await {
        Ok(request) => request,
        Err(refusal) => return refusal.before_decision(&app, &base),
    };
    let known = Browser::recognise(&headers, &app, &base);
    let page = next_page(&app, &base, &query, &request, known, client.source()).await;
    page.unwrap_or_else(|error| Refusal::redirect(&request, error).before_decision(&app, &base))
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
        None => (Browser::new(app, base, None)?, true),
    };
    // The provider knows only this server as its client and lets all MCP clients through. So the
    // user is asked about this MCP client first.
    if app.login.provider().is_some() {
        let page = consent_page(app, &browser, None, query, request)?;
        return with_new_cookie(page, is_new, &browser, app, base);
    }
    match app.login.begin(&at_home(app, source)?).await {
        Outcome::Identity(identity) => {
            let person = Person::new(identity, None, &app.epochs);
            let browser = Browser::new(app, base, Some(person.clone()))?;
            let page = consent_page(app, &browser, Some(&person), query, request)?;
            Ok(with_cookie(page, browser.cookie(app, base)?))
        }
        Outcome::Page(page) => {
            let page = sign_in_page(app, &browser, query, request, &page)?;
            with_new_cookie(page, is_new, &browser, app, base)
        }
        Outcome::Refusal(refusal) => Ok(refused(app, &refusal, query)),
        Outcome::Redirect(_) => {
            let refusal = LoginRefusal::unexpected(
                "the login redirects to a provider that it does not declare",
            );
            Ok(refused(app, &refusal, query))
        }
    }
}

/// Returns the visit of a user who signs in on this server's own pages.
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

/// Renders the sign-in form. The status is always 200: clients that fetch the page first accept
/// nothing else.
pub(crate) fn sign_in_page(
    app: &App,
    browser: &Browser,
    query: &str,
    request: &AuthorizationRequest,
    page: &Page,
) -> Result<Response, OAuthError> {
    let page = SignInPage {
        client: &request.client.name,
        destination: request.back.redirect_uri.destination(),
        action: routes::SIGN_IN,
        form: browser.form(app, FormKind::SignIn, query)?,
        page,
    };
    Ok(app.pages.sign_in(&page))
}

/// Returns the consent page, for a user who is already signed in or who signs in at the provider
/// after agreeing.
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
    Ok(app.pages.consent(&page))
}

fn describe(name: &str) -> ScopeLine<'_> {
    let description = match name {
        DEFAULT_SCOPE => "Use the tools of this server",
        _ => "Use",
    };
    ScopeLine { name, description }
}

pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

fn with_new_cookie(
    response: Response,
    is_new: bool,
    browser: &Browser,
    app: &App,
    base: &BaseUrl,
) -> Result<Response, OAuthError> {
    if is_new {
        Ok(with_cookie(response, browser.cookie(app, base)?))
    } else {
        Ok(response)
    }
}

/// Restarts the flow after a sign-in has ended, with a new browser session in which no user is
/// signed in.
pub(crate) fn signed_out(app: &App, base: &BaseUrl, query: &str) -> Result<Response, OAuthError> {
    let response = see_other(&format!("{}?{query}", routes::AUTHORIZE));
    let browser = Browser::new(app, base, None)?;
    Ok(with_cookie(response, browser.cookie(app, base)?))
}

impl Link {
    /// Returns the link to the start of the flow, with the query of the authorization request.
    pub(crate) fn start_again(query: &str) -> Self {
        Self {
            label: "Start again".to_owned(),
            location: format!("{}?{query}", routes::AUTHORIZE),
        }
    }
}

/// Shows the error page of a sign-in that cannot continue.
pub(crate) fn refused(app: &App, refusal: &LoginRefusal, query: &str) -> Response {
    tracing::warn!(fault = %refusal.fault, "sign-in refused");
    let (status, remedy) = match refusal.kind {
        RefusalKind::NotAllowed => (
            StatusCode::FORBIDDEN,
            "If you have another account, use that one, or ask the owner of this server.",
        ),
        RefusalKind::Unexpected => (
            StatusCode::BAD_GATEWAY,
            "Try again. If it fails again, contact the owner of this server (see its log).",
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
        link: Some(Link::start_again(query)),
    };
    app.pages.error(status, &page)
}

/// Sends the browser back to the client. The status is 303, so that the browser sends a GET also
/// after a POST. A native client gets a page with a link instead.
pub(crate) fn return_to_client<'a>(
    app: &App,
    base: &'a BaseUrl,
    back: &'a ReturnPath,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Response {
    let location = back.location(base, parameters);
    if back.redirect_uri.is_web() {
        return see_other(location.as_str());
    }
    app.pages.handover(&HandoverPage {
        client: &back.client_name,
        location: location.as_str(),
    })
}

/// Redirects with headers that keep the URL out of caches and `Referer`.
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

/// Shows the error page for a form that can no longer be used.
pub(crate) fn unusable_form(app: &App, why: Unusable, query: &str) -> Response {
    let (title, what) = match why {
        Unusable::Expired => (
            "This page is too old",
            "The page was open for more than ten minutes before you sent it.",
        ),
        Unusable::Superseded => (
            "You continued in another tab",
            "Since this page was opened, you signed in in another tab or your session ended.",
        ),
    };
    let page = ErrorPage {
        title,
        what: what.into(),
        remedy: "Nothing was changed. Start again to see a fresh page.",
        link: Some(Link::start_again(query)),
    };
    app.pages.error(StatusCode::OK, &page)
}

/// Shows the error page for a form that this server did not create.
pub(crate) fn forged_form(app: &App) -> Response {
    tracing::warn!("form refused: this server did not create it");
    let page = ErrorPage {
        title: "This form was not accepted",
        what: "It was not sent from a page of this server.".into(),
        remedy: "Go back to the program you came from and connect again.",
        link: None,
    };
    app.pages.error(StatusCode::FORBIDDEN, &page)
}
