//! A code must work once, for one client, one redirect URI and one resource.

use super::{
    finding::{Finding, Held, refused, told},
    lab::{Fresh, Lab, read},
    registration, rules,
};
use crate::{check::Log, http::Trouble};

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    rules::CODE_TWICE.check(log, twice(lab)).await;
    rules::CODE_REPLAY_REVOKES
        .check(log, replay_revokes(lab))
        .await;
    rules::CODE_OTHER_CLIENT.check(log, other_client(lab)).await;
    let elsewhere = "https://attacker.example/callback";
    rules::CODE_OTHER_REDIRECT
        .check(log, changed(lab, "redirect_uri", elsewhere))
        .await;
    let other = "https://attacker.example/mcp";
    rules::CODE_OTHER_RESOURCE
        .check(log, changed(lab, "resource", other))
        .await;
    rules::CODE_MADE_UP.check(log, made_up(lab)).await;
}

async fn twice(lab: &Lab<'_>) -> Finding {
    let (fresh, _) = redeem_and_refresh(lab).await?;
    Ok(refused(&lab.redeem(&fresh, &[]).await?))
}

/// Redeems a fresh code and refreshes its tokens, if that is possible. A server may answer the same
/// exchange again for a short time, because its first response can get lost. After a refresh, the
/// client must have that response.
async fn redeem_and_refresh(lab: &Lab<'_>) -> Result<(Fresh, Option<String>), Trouble> {
    let fresh = lab.fresh().await?;
    let mut refresh_token = read(&lab.redeem(&fresh, &[]).await?)?.refresh_token;
    if let Some(first) = &refresh_token {
        let answer = lab.refresh(lab.client, first).await?;
        let next = read(&answer).ok().and_then(|tokens| tokens.refresh_token);
        refresh_token = next.or(refresh_token);
    }
    Ok((fresh, refresh_token))
}

async fn replay_revokes(lab: &Lab<'_>) -> Finding {
    let (fresh, refresh_token) = redeem_and_refresh(lab).await?;
    lab.redeem(&fresh, &[]).await?;
    let Some(refresh) = refresh_token else {
        return Ok(Held::Skipped("no refresh token was issued".to_owned()));
    };
    let answer = lab.refresh(lab.client, &refresh).await?;
    if answer.status.is_success() {
        // RFC 6749 §4.1.2 says SHOULD.
        return Ok(Held::Weakly(
            "the refresh token still works after its code was replayed".to_owned(),
        ));
    }
    Ok(Held::Yes(told(&answer)))
}

async fn other_client(lab: &Lab<'_>) -> Finding {
    let Some(other) = registration::another(lab).await? else {
        return Ok(Held::Skipped(
            "no second client could be registered".to_owned(),
        ));
    };
    let fresh = lab.fresh().await?;
    Ok(refused(&lab.redeem_as(&other, &fresh, &[]).await?))
}

async fn changed(lab: &Lab<'_>, name: &str, value: &str) -> Finding {
    let fresh = lab.fresh().await?;
    Ok(refused(&lab.redeem(&fresh, &[(name, value)]).await?))
}

async fn made_up(lab: &Lab<'_>) -> Finding {
    let fresh = lab.fresh().await?;
    let answer = lab.redeem(&fresh, &[("code", "made-up")]).await?;
    // Clients react to exactly this error.
    let held = answer.status.as_u16() == 400 && told(&answer).ends_with("invalid_grant");
    Ok(Held::when(held, told(&answer)))
}
