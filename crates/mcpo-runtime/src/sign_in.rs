//! `POST /sign-in`: what was filled in on a page of the login, which then leads back to
//! `/authorize`.

use std::{net::SocketAddr, sync::Arc};

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
        AuthorizationRequest, Refusal, at_home, forged_form, refused, see_other, sign_in_page,
        stale_form, with_cookie,
    },
    base_url::BaseUrl,
    browser::{Browser, Form, FormError, FormKind, is_cross_site},
    login::{Answer, Identity, Outcome, Person, Refusal as LoginRefusal},
    oauth_error::OAuthError,
    params::Params,
    routes, source,
};

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
    let outcome = match at_home(&app, source) {
        Ok(visit) => app.login.resume(&visit, &Answer(params)).await,
        Err(error) => return Refusal::redirect(&request, error).into_response(&app, &base),
    };
    let response = match outcome {
        Outcome::Identity(identity) => signed_in(&app, &base, &form.query, identity),
        Outcome::Page(page) => sign_in_page(&app, &browser, &form.query, &request, &page),
        Outcome::Refusal(refusal) => Ok(refused(&app, &refusal, &form.query)),
        Outcome::Redirect(_) => {
            let refusal =
                LoginRefusal::unexpected("the login leads to a provider it does not name");
            Ok(refused(&app, &refusal, &form.query))
        }
    };
    response.unwrap_or_else(|error| Refusal::redirect(&request, error).into_response(&app, &base))
}

fn signed_in(
    app: &App,
    base: &BaseUrl,
    query: &str,
    identity: Identity,
) -> Result<Response, OAuthError> {
    let person = Person::new(identity, None, &app.epochs);
    tracing::info!(account = person.subject, "signed in");
    let browser = Browser::new(app, Some(person))?;
    let response = see_other(&format!("{}?{query}", routes::AUTHORIZE));
    with_cookie(response, &browser, app, base)
}
