//! A stolen code must be useless without its verifier.

use super::{
    context::{AttackContext, parameter, with},
    outcome::{AttackOutcome, AttackResult, refused},
    rules,
};
use crate::check::Log;

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::PKCE_NO_VERIFIER
        .check(log, redeem(context, ""))
        .await;
    let wrong = "a".repeat(43);
    rules::PKCE_WRONG_VERIFIER
        .check(log, redeem(context, &wrong))
        .await;
    rules::PKCE_CHALLENGE_AS_VERIFIER
        .check(log, challenge_as_verifier(context))
        .await;
    rules::PKCE_NO_CHALLENGE
        .check(log, no_challenge(context))
        .await;
    rules::PKCE_PLAIN.check(log, plain(context)).await;
}

async fn redeem(context: &AttackContext<'_>, verifier: &str) -> AttackResult {
    let fresh = context.fresh().await?;
    Ok(refused(
        &context
            .redeem(&fresh, &[("code_verifier", verifier)])
            .await?,
    ))
}

/// Sends the challenge as the verifier. It is public, and a server that compares without hashing
/// accepts it.
async fn challenge_as_verifier(context: &AttackContext<'_>) -> AttackResult {
    let request = context.request()?;
    let challenge = parameter(&request.url, "code_challenge").unwrap_or_default();
    let arrival = context.visit(&request.url, &[]).await?;
    let Some(code) = arrival.and_then(|arrival| parameter(&arrival.location, "code")) else {
        return Ok(AttackOutcome::Skipped(
            "a second sign-in returned no code".to_owned(),
        ));
    };
    let fresh = super::context::Fresh {
        code,
        verifier: request.verifier,
    };
    Ok(refused(
        &context
            .redeem(&fresh, &[("code_verifier", &challenge)])
            .await?,
    ))
}

async fn no_challenge(context: &AttackContext<'_>) -> AttackResult {
    let url = with(&context.request()?.url, "code_challenge", None);
    let url = with(&url, "code_challenge_method", None);
    Ok(no_code(context.gives_code(&url).await?))
}

async fn plain(context: &AttackContext<'_>) -> AttackResult {
    let url = with(
        &context.request()?.url,
        "code_challenge_method",
        Some("plain"),
    );
    Ok(no_code(context.gives_code(&url).await?))
}

fn no_code(given: bool) -> AttackOutcome {
    AttackOutcome::when(!given, if given { "a code" } else { "no code" })
}
