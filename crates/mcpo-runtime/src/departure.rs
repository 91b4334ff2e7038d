//! Redirects a browser to the sign-in provider, after the user has allowed access, with a state
//! that is valid once.

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    app::App,
    authorize::{refused, see_other},
    base_url::BaseUrl,
    browser::Browser,
    callback::callback_url,
    login::{Away, Outcome, Refusal, Secrets, Visit},
    oauth_error::OAuthError,
    throttle::Source,
    upstream::{self, Trip},
};

pub(crate) async fn depart(
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
    let secrets = Secrets::random()?;
    let trip = Trip {
        browser: browser.id(),
        query: query.to_owned(),
        secrets: secrets.clone(),
    };
    let id = upstream::start_trip(app, trip).await?;
    let visit = Visit {
        source,
        now: app.now(),
        away: Away {
            callback_url: callback_url(app, base),
            state: URL_SAFE_NO_PAD.encode(id.0),
            secrets,
        },
        wants_another_account,
    };
    let refusal = match app.login.begin(&visit).await {
        Outcome::Redirect(url) => return Ok(see_other(url.as_str())),
        Outcome::Refusal(refusal) => refusal,
        Outcome::Identity(_) | Outcome::Page(_) => {
            Refusal::unexpected("the login names a provider but does not redirect to it")
        }
    };
    Ok(refused(app, &refusal, query))
}
