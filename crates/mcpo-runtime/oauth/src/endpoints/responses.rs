//! Responses that several pages share.

use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderValue, StatusCode, header};

use super::browser_session::{Browser, Unusable};
use crate::{
    login::{Refusal as LoginRefusal, RefusalKind},
    oauth::{base_url::BaseUrl, error::OAuthError, paths},
    pages::{ErrorPage, Link},
    state::App,
};

pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
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

/// Restarts the flow after a sign-in has ended, with a new browser session in which no user is
/// signed in.
pub(crate) fn signed_out(app: &App, base: &BaseUrl, query: &str) -> Result<Response, OAuthError> {
    let response = see_other(&format!("{}?{query}", paths::AUTHORIZE));
    let browser = Browser::new(app, base, None)?;
    Ok(with_cookie(response, browser.cookie(app, base)?))
}

impl Link {
    /// Returns the link to the start of the flow, with the query of the authorization request.
    pub(crate) fn start_again(query: &str) -> Self {
        Self {
            label: "Start again".to_owned(),
            location: format!("{}?{query}", paths::AUTHORIZE),
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
