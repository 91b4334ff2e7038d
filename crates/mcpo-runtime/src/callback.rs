//! The callback of the sign-in provider. The response must belong to this browser, must not have
//! been used before, and must arrive within ten minutes.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};

use crate::{
    app::App,
    authorize::{AuthorizationRequest, Refusal as RequestRefusal, refused, with_cookie},
    base_url::BaseUrl,
    browser::Browser,
    client_ip::ClientIp,
    consent,
    ledger::GrantId,
    login::{Answer, Away, Identity, Outcome, Person, Refusal, Visit},
    name_owner,
    oauth_error::OAuthError,
    pages::{ErrorPage, Link},
    params::Params,
    upstream::{self, Trip},
};

/// The reason why a response is refused without being processed.
enum Turned {
    /// The `state` does not belong to a redirect of this browser.
    Foreign(&'static str),
    /// The redirect was already used. The second field is its query.
    Over(&'static str, String),
    /// The ledger is unreachable.
    Unavailable(OAuthError),
}

impl From<OAuthError> for Turned {
    fn from(error: OAuthError) -> Self {
        Self::Unavailable(error)
    }
}

pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    client: ClientIp,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let Ok(params) = Params::parse(query.as_bytes()) else {
        return turned(&app, &Turned::Foreign("unreadable"));
    };
    let (id, trip) = match spend(&app, &base, &headers, &params).await {
        Ok(trip) => trip,
        Err(why) => return turned(&app, &why),
    };
    let request = match AuthorizationRequest::verify(&app, &trip.query, client).await {
        Ok(request) => request,
        Err(refusal) => return refusal.after_decision(&app, &base),
    };
    let visit = Visit {
        source: client.source(),
        now: app.now(),
        away: Away {
            callback_url: callback_url(&app, &base),
            state: URL_SAFE_NO_PAD.encode(id.0),
            secrets: trip.secrets,
        },
        wants_another_account: false,
    };
    let outcome = app.login.resume(&visit, &Answer(params)).await;
    let response = match outcome {
        Outcome::Identity(identity) => match name_owner::check(&app, &identity).await {
            Ok(Ok(())) => signed_in(&app, &base, &request, id, identity).await,
            Ok(Err(refusal)) => Ok(refused(&app, &refusal, &trip.query)),
            Err(error) => Err(error),
        },
        Outcome::Refusal(refusal) => Ok(refused(&app, &refusal, &trip.query)),
        Outcome::Page(_) | Outcome::Redirect(_) => {
            let refusal = Refusal::unexpected("the login requests another step");
            Ok(refused(&app, &refusal, &trip.query))
        }
    };
    response.unwrap_or_else(|error| {
        RequestRefusal::redirect(&request, error).after_decision(&app, &base)
    })
}

/// Returns the callback URL for users who started at `base`.
pub(crate) fn callback_url(app: &App, base: &BaseUrl) -> String {
    let provider = app.login.provider();
    provider.map_or_else(String::new, |provider| base.join(provider.callback))
}

/// Returns the redirect that a response belongs to, and marks it as used.
async fn spend(
    app: &App,
    base: &BaseUrl,
    headers: &HeaderMap,
    params: &Params,
) -> Result<(GrantId, Trip), Turned> {
    let id = params
        .get("state")
        .and_then(|state| URL_SAFE_NO_PAD.decode(state).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .map(GrantId)
        .ok_or(Turned::Foreign("no valid state"))?;
    let Some((trip, version)) = upstream::open_trip(app, id).await? else {
        return Err(Turned::Foreign("state unknown, used or too old"));
    };
    // Without this check, an attacker could plant the response of their own sign-in in the browser
    // of another user.
    let browser = Browser::recognise(headers, app, base);
    if !browser.is_some_and(|browser| browser.has_id(&trip.browser)) {
        return Err(Turned::Foreign("state of another browser"));
    }
    if upstream::spend_trip(app, id, version).await? {
        Ok((id, trip))
    } else {
        Err(Turned::Over("state used at the same time", trip.query))
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
        upstream::finish_trip(app, id, tokens).await?;
    }
    let person = Person::new(identity, upstream, &app.epochs);
    tracing::info!(account = person.subject, "signed in");
    // The user's consent before the redirect was for this request only.
    let browser = Browser::new(app, base, Some(person.clone()))?;
    let response = consent::allow(app, base, request, person)?;
    Ok(with_cookie(response, browser.cookie(app, base)?))
}

fn turned(app: &App, why: &Turned) -> Response {
    let (status, fault, what, query) = match why {
        Turned::Foreign(fault) => (
            StatusCode::BAD_REQUEST,
            *fault,
            "This page works once, within ten minutes, and only in the browser where you started \
             to sign in.",
            None,
        ),
        Turned::Over(fault, query) => (
            StatusCode::BAD_REQUEST,
            *fault,
            "This sign-in was already used.",
            Some(query),
        ),
        Turned::Unavailable(error) => (
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
