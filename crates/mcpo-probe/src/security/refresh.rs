//! A refresh token must work once, for one client, and never for more than was granted.

use super::{
    context::{AttackContext, Tokens, read},
    outcome::{AttackOutcome, AttackResult, refused, summarize},
    registration, rules,
};
use crate::{check::Log, credentials::AuthMethod, http::RequestError};

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::REFRESH_ROTATES.check(log, rotates(context)).await;
    rules::REFRESH_TWICE.check(log, twice(context)).await;
    rules::REFRESH_REPLAY_REVOKES
        .check(log, replay_revokes(context))
        .await;
    rules::REFRESH_OTHER_CLIENT
        .check(log, other_client(context))
        .await;
    rules::REFRESH_MORE_SCOPES
        .check(log, more_scopes(context))
        .await;
}

/// Returns the first refresh token of a new grant.
async fn first(context: &AttackContext<'_>) -> Result<Option<String>, RequestError> {
    Ok(context.tokens().await?.refresh_token)
}

fn none() -> AttackOutcome {
    AttackOutcome::Skipped("no refresh token was issued".to_owned())
}

async fn rotates(context: &AttackContext<'_>) -> AttackResult {
    let Some(old) = first(context).await? else {
        return Ok(none());
    };
    if context.client.method != AuthMethod::None {
        return Ok(AttackOutcome::Skipped(
            "the client authenticates with a secret".to_owned(),
        ));
    }
    let new = read(&context.refresh(context.client, &old).await?)?.refresh_token;
    let rotated = new.is_some_and(|new| new != old);
    Ok(AttackOutcome::when(
        rotated,
        if rotated {
            "a new one each time"
        } else {
            "the same one again"
        },
    ))
}

/// Uses a token and its successor; both are then outside any grace period.
async fn spend_two(
    context: &AttackContext<'_>,
    first: &str,
) -> Result<Option<Tokens>, RequestError> {
    let second = read(&context.refresh(context.client, first).await?)?;
    let Some(second) = second.refresh_token.filter(|second| second != first) else {
        return Ok(None);
    };
    read(&context.refresh(context.client, &second).await?).map(Some)
}

async fn twice(context: &AttackContext<'_>) -> AttackResult {
    let Some(old) = first(context).await? else {
        return Ok(none());
    };
    match spend_two(context, &old).await? {
        Some(_) => Ok(refused(&context.refresh(context.client, &old).await?)),
        None => Ok(AttackOutcome::Skipped(
            "refresh tokens do not rotate".to_owned(),
        )),
    }
}

async fn replay_revokes(context: &AttackContext<'_>) -> AttackResult {
    let Some(old) = first(context).await? else {
        return Ok(none());
    };
    let Some(third) = spend_two(context, &old).await? else {
        return Ok(AttackOutcome::Skipped(
            "refresh tokens do not rotate".to_owned(),
        ));
    };
    context.refresh(context.client, &old).await?;
    let Some(third) = third.refresh_token else {
        return Ok(none());
    };
    let answer = context.refresh(context.client, &third).await?;
    Ok(AttackOutcome::when(
        !answer.status.is_success(),
        format!(
            "the newest refresh token after that: {}",
            summarize(&answer)
        ),
    ))
}

async fn other_client(context: &AttackContext<'_>) -> AttackResult {
    let Some(refresh) = first(context).await? else {
        return Ok(none());
    };
    match registration::another(context).await? {
        Some(other) => Ok(refused(&context.refresh(&other, &refresh).await?)),
        None => Ok(AttackOutcome::Skipped(
            "no second client could be registered".to_owned(),
        )),
    }
}

/// Requests more scopes. A server may refuse, or grant the scopes that it granted before.
async fn more_scopes(context: &AttackContext<'_>) -> AttackResult {
    let Some(refresh) = first(context).await? else {
        return Ok(none());
    };
    let wanted = format!("{} probe:everything", context.scopes);
    let more = [("scope", wanted.trim())];
    let answer = context
        .refresh_with(context.client, &refresh, &more)
        .await?;
    let Ok(tokens) = read(&answer) else {
        return Ok(refused(&answer));
    };
    let granted = tokens.scope.unwrap_or_default();
    let held = !granted.split(' ').any(|scope| scope == "probe:everything");
    Ok(AttackOutcome::when(held, format!("granted {granted:?}")))
}
