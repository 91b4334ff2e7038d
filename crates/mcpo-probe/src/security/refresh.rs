//! A refresh token must work once, for one client, and never for more than was granted.

use super::{
    finding::{Finding, Held, refused, told},
    lab::{Lab, Tokens, read},
    registration, rules,
};
use crate::{check::Log, credentials::AuthMethod, http::Trouble};

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    rules::REFRESH_ROTATES.check(log, rotates(lab)).await;
    rules::REFRESH_TWICE.check(log, twice(lab)).await;
    rules::REFRESH_REPLAY_REVOKES
        .check(log, replay_revokes(lab))
        .await;
    rules::REFRESH_OTHER_CLIENT
        .check(log, other_client(lab))
        .await;
    rules::REFRESH_MORE_SCOPES
        .check(log, more_scopes(lab))
        .await;
}

/// Returns the first refresh token of a new grant.
async fn first(lab: &Lab<'_>) -> Result<Option<String>, Trouble> {
    Ok(lab.tokens().await?.refresh_token)
}

fn none() -> Held {
    Held::Skipped("no refresh token was issued".to_owned())
}

async fn rotates(lab: &Lab<'_>) -> Finding {
    let Some(old) = first(lab).await? else {
        return Ok(none());
    };
    if lab.client.method != AuthMethod::None {
        return Ok(Held::Skipped(
            "the client authenticates with a secret".to_owned(),
        ));
    }
    let new = read(&lab.refresh(lab.client, &old).await?)?.refresh_token;
    let rotated = new.is_some_and(|new| new != old);
    Ok(Held::when(
        rotated,
        if rotated {
            "a new one each time"
        } else {
            "the same one again"
        },
    ))
}

/// Uses a token and its successor; both are then outside any grace period.
async fn spend_two(lab: &Lab<'_>, first: &str) -> Result<Option<Tokens>, Trouble> {
    let second = read(&lab.refresh(lab.client, first).await?)?;
    let Some(second) = second.refresh_token.filter(|second| second != first) else {
        return Ok(None);
    };
    read(&lab.refresh(lab.client, &second).await?).map(Some)
}

async fn twice(lab: &Lab<'_>) -> Finding {
    let Some(old) = first(lab).await? else {
        return Ok(none());
    };
    match spend_two(lab, &old).await? {
        Some(_) => Ok(refused(&lab.refresh(lab.client, &old).await?)),
        None => Ok(Held::Skipped("refresh tokens do not rotate".to_owned())),
    }
}

async fn replay_revokes(lab: &Lab<'_>) -> Finding {
    let Some(old) = first(lab).await? else {
        return Ok(none());
    };
    let Some(third) = spend_two(lab, &old).await? else {
        return Ok(Held::Skipped("refresh tokens do not rotate".to_owned()));
    };
    lab.refresh(lab.client, &old).await?;
    let Some(third) = third.refresh_token else {
        return Ok(none());
    };
    let answer = lab.refresh(lab.client, &third).await?;
    Ok(Held::when(
        !answer.status.is_success(),
        format!("the newest refresh token after that: {}", told(&answer)),
    ))
}

async fn other_client(lab: &Lab<'_>) -> Finding {
    let Some(refresh) = first(lab).await? else {
        return Ok(none());
    };
    match registration::another(lab).await? {
        Some(other) => Ok(refused(&lab.refresh(&other, &refresh).await?)),
        None => Ok(Held::Skipped(
            "no second client could be registered".to_owned(),
        )),
    }
}

/// Requests more scopes. A server may refuse, or grant the scopes that it granted before.
async fn more_scopes(lab: &Lab<'_>) -> Finding {
    let Some(refresh) = first(lab).await? else {
        return Ok(none());
    };
    let wanted = format!("{} probe:everything", lab.scopes);
    let more = [("scope", wanted.trim())];
    let answer = lab.refresh_with(lab.client, &refresh, &more).await?;
    let Ok(tokens) = read(&answer) else {
        return Ok(refused(&answer));
    };
    let granted = tokens.scope.unwrap_or_default();
    let held = !granted.split(' ').any(|scope| scope == "probe:everything");
    Ok(Held::when(held, format!("granted {granted:?}")))
}
