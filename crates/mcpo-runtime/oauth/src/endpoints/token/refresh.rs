//! The refresh token grant: each use replaces the token, and using a token that was replaced long
//! ago revokes the grant (OAuth 2.1 §4.3.1).
//!
//! The tokens of a grant are numbered by generation, and the ledger stores the current generation.
//! Within [`GRACE_PERIOD`] after a replacement, the previous token is still accepted, and the new
//! token gets the same generation as the first response. So if two refreshes happen at the same
//! time, or a client retries after a lost response, the client may keep either response.

use super::{Issue, Tokens, check_resource, code::ENDED_BY_SETTING, outdated};
use crate::{
    base::clock::Timestamp,
    endpoints::authorize::verify_resource,
    login::LoginError,
    oauth::{
        client::ProvenClient,
        error::{ErrorCode, OAuthError},
        grant::{GRACE_PERIOD, RefreshToken},
        params::Params,
        scope::Scopes,
    },
    state::App,
    store::{self, GrantRecord, REFRESH_LIFETIME, Swap},
};

/// The state of a refresh token's generation compared with the grant's record.
#[derive(Debug, PartialEq, Eq)]
enum GenerationStatus {
    /// The current generation: replace it.
    Current,
    /// Replaced a moment ago: respond again.
    JustReplaced,
    /// Replaced earlier, so another party may have a copy.
    Reused,
    /// The grant has ended.
    Ended,
}

impl GenerationStatus {
    fn of(generation: u64, record: &GrantRecord, now: Timestamp) -> Self {
        if record.revoked {
            Self::Ended
        } else if generation == record.generation {
            Self::Current
        } else if generation.checked_add(1) == Some(record.generation)
            && now.since(record.rotated_at) <= GRACE_PERIOD
        {
            Self::JustReplaced
        } else {
            Self::Reused
        }
    }
}

pub(crate) async fn exchange(
    app: &App,
    client: &ProvenClient,
    params: &Params,
) -> Result<Tokens, OAuthError> {
    let token = verify(app, client, params)?;
    let scopes = narrowed_scopes(&token, params)?;
    let id = token.grant.id;
    if !app.limits.allows_refresh(id) {
        tracing::warn!(grant = ?id, "grant refreshed too often");
        return Err(OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "this grant was refreshed too often; try again in a moment",
        ));
    }
    match app
        .upstream
        .recheck(&token.grant.subject, &app.credential_versions)
        .await
    {
        Ok(()) => {}
        Err(LoginError::Unavailable(why)) => {
            return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, why));
        }
        Err(LoginError::Refused(why)) => {
            tracing::info!(grant = ?id, %why, "the user may no longer sign in; grant revoked");
            end(app, &token).await?;
            return Err(OAuthError::invalid_grant("the user may no longer sign in"));
        }
    }
    loop {
        let (asked, now) = (app.moment(), app.now());
        let Some(found) = app.store.grant(id).await? else {
            return Err(OAuthError::invalid_grant("the grant no longer exists"));
        };
        match GenerationStatus::of(token.generation, &found.record, now) {
            GenerationStatus::Ended => {
                app.grants.revoke(id);
                return Err(OAuthError::invalid_grant("the grant was revoked"));
            }
            GenerationStatus::Reused if app.suspension.is_recent() => {
                tracing::warn!(grant = ?id, "old refresh token refused after a suspension");
                return Err(outdated());
            }
            GenerationStatus::Reused => {
                tracing::warn!(grant = ?id, "refresh token reused; grant revoked");
                end(app, &token).await?;
                return Err(OAuthError::invalid_grant(
                    "the refresh token was already used",
                ));
            }
            GenerationStatus::JustReplaced => {
                tracing::info!(grant = ?id, "refresh repeated within the grace period");
                app.grants.confirm(id, asked);
                return next_tokens(client, token, scopes, found.record.generation).seal(app);
            }
            GenerationStatus::Current => {
                let next = GrantRecord {
                    generation: found.record.generation.saturating_add(1),
                    rotated_at: now,
                    expires_at: now.plus(REFRESH_LIFETIME),
                    ..found.record
                };
                let generation = next.generation;
                let swap = app.store.swap_grant(id, Some(found.version), next).await?;
                // A conflict means that another request was faster: read the record again.
                if swap == Swap::Done {
                    tracing::info!(grant = ?id, "tokens refreshed");
                    app.grants.confirm(id, asked);
                    return next_tokens(client, token, scopes, generation).seal(app);
                }
            }
        }
    }
}

/// Returns the next tokens of a grant, for the client that authenticated itself in this request.
fn next_tokens(
    client: &ProvenClient,
    token: RefreshToken,
    scopes: Scopes,
    generation: u64,
) -> Issue {
    Issue {
        grant: token.grant,
        scopes,
        generation,
        // Tokens from earlier versions do not say when access was granted, so they count as oldest.
        granted_at: token.granted_at.or(Some(Timestamp(0))),
        client_secret: client.registered_secret,
    }
}

fn verify(app: &App, client: &ProvenClient, params: &Params) -> Result<RefreshToken, OAuthError> {
    let token: RefreshToken = app
        .keys
        .open(params.require("refresh_token")?)
        .map_err(|_| {
            OAuthError::invalid_grant("the refresh token was not issued by this server")
        })?;
    if !token.grant.belongs_to(client) {
        return Err(OAuthError::invalid_grant(
            "the refresh token was issued to another client",
        ));
    }
    if token.expires_at <= app.now() {
        return Err(OAuthError::invalid_grant("the refresh token has expired"));
    }
    check_resource(app, &token.grant)?;
    if !app.accepts_grants_of(token.granted_at) {
        return Err(OAuthError::invalid_grant(ENDED_BY_SETTING));
    }
    // Accept any name of this server: on loopback, a client can refresh under another name than it
    // used at the sign-in, and then sends the resource of that name. The new tokens keep the
    // resource of the grant.
    verify_resource(app, params.get("resource"))?;
    Ok(token)
}

/// A refresh may ask for fewer scopes than were granted, for this access token only; never for
/// more.
fn narrowed_scopes(token: &RefreshToken, params: &Params) -> Result<Scopes, OAuthError> {
    let granted = &token.grant.scopes;
    let Some(text) = params.get("scope") else {
        return Ok(granted.clone());
    };
    let asked: Option<Scopes> = Scopes::parse(text).ok().map(|asked| {
        let without_offline = asked
            .iter()
            .filter(|name| *name != crate::oauth::scope::OFFLINE_ACCESS);
        Scopes::from_names(without_offline)
    });
    match asked {
        Some(asked) if asked.is_empty() => Ok(granted.clone()),
        Some(asked) if granted.contains_all(&asked) => Ok(asked),
        _ => Err(OAuthError::new(
            ErrorCode::InvalidScope,
            format!("the scopes of the grant are: {granted}"),
        )),
    }
}

async fn end(app: &App, token: &RefreshToken) -> Result<(), OAuthError> {
    store::revoke(app.store.as_ref(), token.grant.id, app.now()).await?;
    app.grants.revoke(token.grant.id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as18_generation_determines_the_status_of_a_refresh_token() {
        let record = GrantRecord {
            generation: 3,
            rotated_at: Timestamp(1000),
            revoked: false,
            expires_at: Timestamp(9999),
            sealed: String::new(),
        };
        let status = |generation, now| GenerationStatus::of(generation, &record, Timestamp(now));
        assert_eq!(status(3, 5000), GenerationStatus::Current);
        assert_eq!(status(2, 1045), GenerationStatus::JustReplaced);
        assert_eq!(status(2, 1046), GenerationStatus::Reused);
        assert_eq!(status(1, 1000), GenerationStatus::Reused);
        // A generation that was never issued means that the ledger lost a write.
        assert_eq!(status(4, 1000), GenerationStatus::Reused);
        let revoked = GrantRecord {
            revoked: true,
            ..record.clone()
        };
        assert_eq!(
            GenerationStatus::of(3, &revoked, Timestamp(1000)),
            GenerationStatus::Ended
        );
    }
}
