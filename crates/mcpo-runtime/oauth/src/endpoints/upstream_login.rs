//! Redirects a browser to the sign-in provider, after the user has allowed access, with a state
//! that is valid once.

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;

use super::{
    browser_session::Browser,
    responses::{refused, see_other},
};
use crate::{
    login::{AuthorizationParams, LoginContext, LoginSecrets, Outcome, Refusal},
    net::{addresses::is_loopback_host, throttle::Source},
    oauth::{base_url::BaseUrl, error::OAuthError},
    state::App,
    upstream::LoginTransaction,
};

pub(crate) async fn start(
    app: &App,
    base: &BaseUrl,
    browser: &Browser,
    query: &str,
    source: Source,
    wants_another_account: bool,
) -> Result<Response, OAuthError> {
    if !app.limits.allows_upstream_login(source) {
        let refusal = Refusal::unavailable("too many sign-ins from one source");
        return Ok(refused(app, &refusal, query));
    }
    let secrets = LoginSecrets::random()?;
    let transaction = LoginTransaction {
        browser: browser.id(),
        query: query.to_owned(),
        secrets: secrets.clone(),
    };
    let id = app.upstream.records.start_login(transaction).await?;
    let context = LoginContext {
        source,
        now: app.now(),
        authorization: AuthorizationParams {
            callback_url: callback_url(app, base),
            state: URL_SAFE_NO_PAD.encode(id.0),
            secrets,
        },
        wants_another_account,
    };
    let refusal = match app.login.begin(&context).await {
        Outcome::Redirect(url) => match provider_url(&url) {
            Some(url) => return Ok(see_other(url.as_str())),
            None => Refusal::unexpected("the login redirects to a URL that is not https"),
        },
        Outcome::Refusal(refusal) => refusal,
        Outcome::Identity(_) | Outcome::Page(_) => {
            Refusal::unexpected("the login names a provider but does not redirect to it")
        }
    };
    Ok(refused(app, &refusal, query))
}

/// Parses the URL that a login redirects to: https, or http on this machine.
fn provider_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = is_loopback_host(&url.host()?);
    let is_secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_secure.then_some(url)
}

/// Returns the callback URL for users who started at `base`.
pub(crate) fn callback_url(app: &App, base: &BaseUrl) -> String {
    let provider = app.login.provider();
    provider.map_or_else(String::new, |provider| base.join(provider.callback))
}
