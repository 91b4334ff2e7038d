//! The authorization code grant: exchanges a code once, for the client it was issued to, with the
//! verifier that only this client knows.
//!
//! Creating the grant's record spends the code. The same exchange may be repeated for a short time
//! ([`GRACE_PERIOD`]) until its tokens are refreshed, because the response to the client or from
//! the ledger may have been lost. Every other second use is a replay and revokes the grant (OAuth
//! 2.1 §4.1.3).

use super::{Issue, Tokens, check_resource, other_resource, outdated};
use crate::{
    base::clock::Timestamp,
    endpoints::authorize::verify_resource,
    oauth::{
        client::ProvenClient,
        error::OAuthError,
        fingerprint::Fingerprint,
        grant::{Code, GRACE_PERIOD},
        params::Params,
    },
    state::App,
    store::{self, GrantRecord, Swap},
};

pub(crate) async fn exchange(
    app: &App,
    client: &ProvenClient,
    params: &Params,
) -> Result<Tokens, OAuthError> {
    let code = verify(app, client, params)?;
    let resource = verify_resource(app, params.get("resource"))?;
    if let Some(resource) = resource
        && resource != code.grant.resource
    {
        return Err(other_resource(&code.grant, &resource));
    }
    // Only one request can create the record.
    let (id, asked, now) = (code.grant.id, app.moment(), app.now());
    let first = GrantRecord::first(now);
    if app.store.swap_grant(id, None, first).await? == Swap::Conflict {
        if !is_repeated(app, &code, now).await? {
            if app.suspension.is_recent() {
                tracing::warn!(grant = ?id, "used code refused after a suspension");
                return Err(outdated());
            }
            tracing::warn!(grant = ?id, "code used twice; grant revoked");
            revoke(app, &code, now).await?;
            return Err(OAuthError::invalid_grant("the code was already used"));
        }
        tracing::info!(grant = ?id, "code exchange repeated within the grace period");
    } else if code.expires_at <= now {
        revoke(app, &code, now).await?;
        return Err(OAuthError::invalid_grant("the code has expired"));
    }
    app.grants.confirm(id, asked);
    tracing::info!(client = ?client.key, grant = ?id, "code exchanged for tokens");
    let issue = Issue {
        scopes: code.grant.scopes.clone(),
        generation: 0,
        granted_at: Some(code.granted_at()),
        client_secret: client.registered_secret,
        grant: code.grant,
    };
    issue.seal(app)
}

/// Returns true if the same exchange spent the code a moment ago. This request has proven the same
/// client and the same verifier.
async fn is_repeated(app: &App, code: &Code, now: Timestamp) -> Result<bool, OAuthError> {
    let found = app.store.grant(code.grant.id).await?;
    let record = found.map(|found| found.record);
    Ok(record.is_some_and(|record| is_fresh(&record, now)))
}

fn is_fresh(record: &GrantRecord, now: Timestamp) -> bool {
    !record.revoked && record.generation == 0 && now.since(record.rotated_at) <= GRACE_PERIOD
}

async fn revoke(app: &App, code: &Code, now: Timestamp) -> Result<(), OAuthError> {
    store::revoke(app.store.as_ref(), code.grant.id, now).await?;
    app.grants.revoke(code.grant.id);
    Ok(())
}

/// Checks everything that must match, except the time.
fn verify(app: &App, client: &ProvenClient, params: &Params) -> Result<Code, OAuthError> {
    let unverified = params.require("code")?;
    let verifier = params.require("code_verifier")?;
    let code: Code = app
        .keys
        .open(unverified)
        .map_err(|_| OAuthError::invalid_grant("the code was not issued by this server"))?;
    check_resource(app, &code.grant)?;
    if !code.grant.belongs_to(client) {
        return Err(OAuthError::invalid_grant(
            "the code was issued to another client",
        ));
    }
    if !code.challenge.is_met_by(verifier) {
        return Err(OAuthError::invalid_grant(
            "code_verifier does not match the code_challenge",
        ));
    }
    // OAuth 2.1 §10.2: optional, because PKCE binds the code, but it must not differ.
    let redirect_uri = params.get("redirect_uri").map(Fingerprint::of);
    if redirect_uri.is_some_and(|fingerprint| fingerprint != code.redirect_uri) {
        return Err(OAuthError::invalid_grant(
            "redirect_uri differs from the one in the authorization request",
        ));
    }
    if !app.accepts_grants_of(Some(code.granted_at())) {
        return Err(OAuthError::invalid_grant(ENDED_BY_SETTING));
    }
    // The check whether the user may sign in was made when the code was issued, less than a minute
    // ago.
    if !code.grant.subject.is_current(&app.credential_versions) {
        return Err(OAuthError::invalid_grant("the user may no longer sign in"));
    }
    Ok(code)
}

/// The error for a grant from before `MCPO_GRANTS_NOT_BEFORE`.
pub(super) const ENDED_BY_SETTING: &str = "the server has ended all grants from that time";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as17_exchange_counts_as_a_repetition_for_45_seconds() {
        let record = GrantRecord::first(Timestamp(1000));
        assert!(is_fresh(&record, Timestamp(1000)));
        assert!(is_fresh(&record, Timestamp(1045)));
        assert!(!is_fresh(&record, Timestamp(1046)));
        let refreshed = GrantRecord {
            generation: 1,
            ..record.clone()
        };
        assert!(!is_fresh(&refreshed, Timestamp(1000)));
        let revoked = GrantRecord {
            revoked: true,
            ..record
        };
        assert!(!is_fresh(&revoked, Timestamp(1000)));
    }
}
