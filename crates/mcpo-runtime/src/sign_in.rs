//! `POST /sign-in`: checks a password, then leads back to `/authorize`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{ConnectInfo, State},
    response::Response,
};
use http::HeaderMap;

use crate::{
    app::App,
    authorize::{
        AuthorizationRequest, Refusal, forged_form, see_other, sign_in_page, stale_form,
        with_cookie,
    },
    base_url::BaseUrl,
    browser::{Browser, Form, FormError, FormKind, is_cross_site},
    login::Login,
    oauth_error::OAuthError,
    params::Params,
    routes, source,
};

const WRONG: &str = "That is not the password.";

pub(crate) async fn post(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
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
    let form = Form::open(params.get("form"), FormKind::SignIn, browser.as_ref(), &app);
    let (form, browser) = match (form, browser) {
        (Ok(form), Some(browser)) => (form, browser),
        (Err(FormError::Stale(query)), _) => return stale_form(&app, &query),
        _ => return forged_form(&app),
    };
    let request = match AuthorizationRequest::verify(&app, &form.query).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(&app, &base),
    };
    let source = source::of(
        peer.map(|Extension(ConnectInfo(peer))| peer),
        &headers,
        &app,
    );
    let password = params.get("password").unwrap_or_default().to_owned();
    let response = match check(&app, source, password).await {
        Ok(()) => signed_in(&app, &base, &form.query),
        Err(problem) => sign_in_page(&app, &browser, &form.query, &request, Some(problem)),
    };
    response.unwrap_or_else(|error| Refusal::redirect(&request, error).into_response(&app, &base))
}

/// A sentence for the person if the password is wrong or it is too early to try.
async fn check(
    app: &Arc<App>,
    source: crate::throttle::Source,
    password: String,
) -> Result<(), String> {
    let account = app.login.account();
    if let Err(wait) = app.throttle.attempt(account, source, app.now()) {
        tracing::warn!(account, seconds = wait.as_secs(), "sign-in throttled");
        return Err(format!(
            "There were too many attempts. Try again in {}.",
            in_words(wait)
        ));
    }
    let Login::Password(expected) = app.login.clone() else {
        return Ok(());
    };
    // A hash is slow on purpose; it must not hold up other requests.
    let right = tokio::task::spawn_blocking(move || expected.is(&password)).await;
    if right.unwrap_or(false) {
        app.throttle.success(account, source);
        tracing::info!(account, "signed in");
        Ok(())
    } else {
        tracing::warn!(account, "wrong password");
        Err(WRONG.to_owned())
    }
}

fn signed_in(app: &App, base: &BaseUrl, query: &str) -> Result<Response, OAuthError> {
    let browser = Browser::new(app, Some(app.login.identity(&app.keys)))?;
    let response = see_other(&format!("{}?{query}", routes::AUTHORIZE));
    with_cookie(response, &browser, app, base)
}

fn in_words(wait: Duration) -> String {
    match wait.as_secs() {
        0 | 1 => "a second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
