//! `POST /consent`: the user's decision. The result is an authorization code, or a redirect to the
//! sign-in provider.

use axum::response::Response;

use super::{
    authorize::{AuthorizationRequest, Refusal, return_to_client},
    browser_session::Unusable,
    responses::{forged_form, signed_out, unusable_form},
    submission::{ConsentForm, Submission},
    upstream_login,
};
use crate::{
    login::{LoginError, Subject},
    oauth::{
        base_url::BaseUrl,
        error::{ErrorCode, OAuthError},
        grant::{CODE_LIFETIME, Code, Grant},
    },
    state::App,
    store::GrantId,
};

pub(crate) async fn post(submission: Submission<ConsentForm>) -> Response {
    let Submission {
        context,
        form,
        browser,
        params,
        request,
        ..
    } = submission;
    let (app, base, client) = (&*context.app, &context.base, context.client);
    let source = client.source();
    let elsewhere = app.login.provider().is_some();
    let outcome = match (params.get("decision"), browser.subject(app)) {
        (Some("allow"), Some(subject)) => {
            allow_known(app, base, &form.query, &request, subject).await
        }
        (Some("allow"), None) if elsewhere => {
            upstream_login::start(app, base, &browser, &form.query, source, false).await
        }
        (Some("another account"), _) if elsewhere => {
            upstream_login::start(app, base, &browser, &form.query, source, true).await
        }
        (Some("sign out"), _) => signed_out(app, base, &form.query),
        (Some("allow"), None) => return unusable_form(app, Unusable::Superseded, &form.query),
        (Some("deny"), _) => Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "the user denied access",
        )),
        _ => return forged_form(app),
    };
    outcome.unwrap_or_else(|error| {
        tracing::info!(client = ?request.client.key, error = error.code.as_str(), "no code issued");
        Refusal::redirect(&request, error).after_decision(app, base)
    })
}

/// Issues a code to a user who signed in earlier, if the sign-in is still valid.
async fn allow_known(
    app: &App,
    base: &BaseUrl,
    query: &str,
    request: &AuthorizationRequest,
    subject: Subject,
) -> Result<Response, OAuthError> {
    match app
        .upstream
        .recheck(&subject, &app.credential_versions)
        .await
    {
        Ok(()) => allow(app, base, request, subject),
        Err(LoginError::Unavailable(why)) => {
            Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, why))
        }
        Err(LoginError::Refused(why)) => {
            tracing::info!(account = subject.id, %why, "signed out");
            signed_out(app, base, query)
        }
    }
}

/// Issues a code for `subject`, who has allowed access.
pub(crate) fn allow(
    app: &App,
    base: &BaseUrl,
    request: &AuthorizationRequest,
    subject: Subject,
) -> Result<Response, OAuthError> {
    let resource = request.resource.clone();
    let code = Code {
        grant: Grant {
            id: GrantId::random()?,
            client: request.client.key,
            client_name: request.client.name.clone(),
            subject,
            scopes: request.scopes.clone(),
            resource: resource.unwrap_or_else(|| base.resource()),
        },
        redirect_uri: request.redirect_fingerprint(),
        challenge: request.challenge,
        expires_at: app.now().plus(CODE_LIFETIME),
    };
    let text = app.keys.seal(&code)?;
    tracing::info!(client = ?request.client.key, grant = ?code.grant.id, "access allowed");
    Ok(return_to_client(
        app,
        base,
        &request.back,
        [("code", text.as_str())],
    ))
}
