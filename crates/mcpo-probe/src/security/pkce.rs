//! A stolen code must be useless without its verifier.

use super::{
    finding::{Finding, Held, refused},
    lab::{Lab, parameter, with},
    rules,
};
use crate::check::Log;

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    rules::PKCE_NO_VERIFIER.check(log, redeem(lab, "")).await;
    let wrong = "a".repeat(43);
    rules::PKCE_WRONG_VERIFIER
        .check(log, redeem(lab, &wrong))
        .await;
    rules::PKCE_CHALLENGE_AS_VERIFIER
        .check(log, challenge_as_verifier(lab))
        .await;
    rules::PKCE_NO_CHALLENGE.check(log, no_challenge(lab)).await;
    rules::PKCE_PLAIN.check(log, plain(lab)).await;
}

async fn redeem(lab: &Lab<'_>, verifier: &str) -> Finding {
    let fresh = lab.fresh().await?;
    Ok(refused(
        &lab.redeem(&fresh, &[("code_verifier", verifier)]).await?,
    ))
}

/// Sends the challenge as the verifier. It is public, and a server that compares without hashing
/// accepts it.
async fn challenge_as_verifier(lab: &Lab<'_>) -> Finding {
    let request = lab.request()?;
    let challenge = parameter(&request.url, "code_challenge").unwrap_or_default();
    let arrival = lab.visit(&request.url, &[]).await?;
    let Some(code) = arrival.and_then(|arrival| parameter(&arrival.location, "code")) else {
        return Ok(Held::Skipped(
            "a second sign-in returned no code".to_owned(),
        ));
    };
    let fresh = super::lab::Fresh {
        code,
        verifier: request.verifier,
    };
    Ok(refused(
        &lab.redeem(&fresh, &[("code_verifier", &challenge)]).await?,
    ))
}

async fn no_challenge(lab: &Lab<'_>) -> Finding {
    let url = with(&lab.request()?.url, "code_challenge", None);
    let url = with(&url, "code_challenge_method", None);
    Ok(no_code(lab.gives_code(&url).await?))
}

async fn plain(lab: &Lab<'_>) -> Finding {
    let url = with(&lab.request()?.url, "code_challenge_method", Some("plain"));
    Ok(no_code(lab.gives_code(&url).await?))
}

fn no_code(given: bool) -> Held {
    Held::when(!given, if given { "a code" } else { "no code" })
}
