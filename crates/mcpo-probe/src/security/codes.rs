//! A code must work once, for one client, one redirect URI and one resource.

use super::{
    context::{AttackContext, Fresh, read},
    outcome::{AttackOutcome, AttackResult, refused, summarize},
    registration, rules,
};
use crate::{check::Log, http::RequestError};

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::CODE_TWICE.check(log, twice(context)).await;
    rules::CODE_REPLAY_REVOKES
        .check(log, replay_revokes(context))
        .await;
    rules::CODE_OTHER_CLIENT
        .check(log, other_client(context))
        .await;
    let elsewhere = "https://attacker.example/callback";
    rules::CODE_OTHER_REDIRECT
        .check(log, changed(context, "redirect_uri", elsewhere))
        .await;
    let other = "https://attacker.example/mcp";
    rules::CODE_OTHER_RESOURCE
        .check(log, changed(context, "resource", other))
        .await;
    rules::CODE_MADE_UP.check(log, made_up(context)).await;
}

async fn twice(context: &AttackContext<'_>) -> AttackResult {
    let (fresh, _) = redeem_and_refresh(context).await?;
    Ok(refused(&context.redeem(&fresh, &[]).await?))
}

/// Redeems a fresh code and refreshes its tokens, if that is possible. A server may answer the same
/// exchange again for a short time, because its first response can get lost. After a refresh, the
/// client must have that response.
async fn redeem_and_refresh(
    context: &AttackContext<'_>,
) -> Result<(Fresh, Option<String>), RequestError> {
    let fresh = context.fresh().await?;
    let mut refresh_token = read(&context.redeem(&fresh, &[]).await?)?.refresh_token;
    if let Some(first) = &refresh_token {
        let answer = context.refresh(context.client, first).await?;
        let next = read(&answer).ok().and_then(|tokens| tokens.refresh_token);
        refresh_token = next.or(refresh_token);
    }
    Ok((fresh, refresh_token))
}

async fn replay_revokes(context: &AttackContext<'_>) -> AttackResult {
    let (fresh, refresh_token) = redeem_and_refresh(context).await?;
    context.redeem(&fresh, &[]).await?;
    let Some(refresh) = refresh_token else {
        return Ok(AttackOutcome::Skipped(
            "no refresh token was issued".to_owned(),
        ));
    };
    let answer = context.refresh(context.client, &refresh).await?;
    if answer.status.is_success() {
        // RFC 6749 §4.1.2 says SHOULD.
        return Ok(AttackOutcome::Weak(
            "the refresh token still works after its code was replayed".to_owned(),
        ));
    }
    Ok(AttackOutcome::Passed(summarize(&answer)))
}

async fn other_client(context: &AttackContext<'_>) -> AttackResult {
    let Some(other) = registration::another(context).await? else {
        return Ok(AttackOutcome::Skipped(
            "no second client could be registered".to_owned(),
        ));
    };
    let fresh = context.fresh().await?;
    Ok(refused(&context.redeem_as(&other, &fresh, &[]).await?))
}

async fn changed(context: &AttackContext<'_>, name: &str, value: &str) -> AttackResult {
    let fresh = context.fresh().await?;
    Ok(refused(&context.redeem(&fresh, &[(name, value)]).await?))
}

async fn made_up(context: &AttackContext<'_>) -> AttackResult {
    let fresh = context.fresh().await?;
    let answer = context.redeem(&fresh, &[("code", "made-up")]).await?;
    // Clients react to exactly this error.
    let held = answer.status.as_u16() == 400 && summarize(&answer).ends_with("invalid_grant");
    Ok(AttackOutcome::when(held, summarize(&answer)))
}
