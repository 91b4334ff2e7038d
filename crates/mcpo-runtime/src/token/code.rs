//! The authorization code grant: a code, once, by the client it was made for, with the verifier
//! that only that client knows.

use super::{Tokens, issue};
use crate::{
    app::App,
    authorize::verify_resource,
    client::ProvenClient,
    grant::{self, Code, Fingerprint},
    ledger::{GrantRecord, Swap},
    oauth_error::OAuthError,
    params::Params,
};

pub(crate) async fn exchange(
    app: &App,
    client: &ProvenClient,
    params: &Params,
) -> Result<Tokens, OAuthError> {
    let code = verify(app, client, params)?;
    let resource = verify_resource(app, params.get("resource"))?;
    if resource.is_some_and(|resource| resource != code.grant.resource) {
        return Err(OAuthError::new(
            crate::oauth_error::ErrorCode::InvalidTarget,
            "the resource is not the one of the authorization request",
        ));
    }
    // Making the record is what spends the code: only one request can be the first.
    let now = app.now();
    let first = GrantRecord::first(now);
    if app.ledger.swap_grant(code.grant.id, None, first).await? == Swap::Conflict {
        tracing::warn!(grant = ?code.grant.id, "code used twice, grant revoked");
        grant::revoke(app.ledger.as_ref(), code.grant.id, now).await?;
        app.grants.forget(code.grant.id);
        return Err(OAuthError::invalid_grant("the code was used before"));
    }
    if code.expires_at <= now {
        grant::revoke(app.ledger.as_ref(), code.grant.id, now).await?;
        return Err(OAuthError::invalid_grant("the code has expired"));
    }
    tracing::info!(client = ?client.key, grant = ?code.grant.id, "code exchanged for tokens");
    let scopes = code.grant.scopes.clone();
    issue(app, code.grant, scopes, 0)
}

/// Everything that has to fit, but for the time.
fn verify(app: &App, client: &ProvenClient, params: &Params) -> Result<Code, OAuthError> {
    let unverified = params.require("code")?;
    let verifier = params.require("code_verifier")?;
    let code: Code = app
        .keys
        .open(unverified)
        .map_err(|_| OAuthError::invalid_grant("the code is not one of this server's"))?;
    if !code.grant.belongs_to(client) {
        return Err(OAuthError::invalid_grant(
            "the code was made for another client",
        ));
    }
    if !code.challenge.is_met_by(verifier) {
        return Err(OAuthError::invalid_grant(
            "code_verifier does not match the code_challenge",
        ));
    }
    // OAuth 2.1 §10.2: optional here, because PKCE binds the code, but never a different one.
    let redirect_uri = params.get("redirect_uri").map(Fingerprint::of);
    if redirect_uri.is_some_and(|fingerprint| fingerprint != code.redirect_uri) {
        return Err(OAuthError::invalid_grant(
            "redirect_uri is not the one of the authorization request",
        ));
    }
    // Whether the person may still come in was asked when the code was made, a minute ago.
    if !code.grant.person.is_current(&app.epochs) {
        return Err(OAuthError::invalid_grant("the user may no longer sign in"));
    }
    Ok(code)
}
