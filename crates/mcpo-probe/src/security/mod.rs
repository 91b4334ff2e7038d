//! `--security`: what an attacker would try, one small check per attempt.
//!
//! Every attempt uses its own clients and grants, so that the effects of an earlier attempt (a
//! replayed code revokes its grant) do not influence a later one.

mod bodies;
mod codes;
mod finding;
mod forged;
mod headers;
mod lab;
mod lockout;
mod pages;
mod pkce;
mod redirects;
mod refresh;
mod registration;
mod rules;
mod ssrf;
mod tokens;

pub use self::rules::{Guarantee, all as rules};
pub use self::{
    finding::{Finding, Held, told},
    lab::{Lab, read},
};
use mcpo_common::secret::Secret;

use crate::{check::Log, http::Exchange, mcp::Wire, oauth::Grant, plan::Plan};

/// Makes every attempt. `wire` is the server's wire form, `grant` the walk's grant.
pub async fn attack(
    plan: &Plan,
    exchange: &Exchange,
    log: &mut Log<'_>,
    wire: &Wire,
    grant: Option<&Grant>,
) {
    let Some(grant) = grant else {
        let because = "the server does not ask for a token";
        headers::check(exchange, log, &plan.target, wire, None).await;
        bodies::check_endpoint(exchange, log, &plan.target, wire, None).await;
        return log.skip_rest(rules::all(), because);
    };
    let Some(lab) = Lab::of(plan, exchange, wire, grant) else {
        let because = "with --browser, you would have to sign in for each attempt";
        return log.skip_rest(rules::all(), because);
    };
    pkce::check(&lab, log).await;
    codes::check(&lab, log).await;
    redirects::check(&lab, log).await;
    registration::check(&lab, log).await;
    tokens::check(&lab, log).await;
    refresh::check(&lab, log).await;
    let token = fresh_token(&lab, grant).await;
    headers::check(exchange, log, &plan.target, wire, Some(&token)).await;
    headers::check_metadata(&lab, log).await;
    pages::check(&lab, log).await;
    bodies::check(&lab, log).await;
    let token = fresh_token(&lab, grant).await;
    bodies::check_endpoint(exchange, log, &plan.target, wire, Some(&token)).await;
    ssrf::check(&lab, log).await;
    // Last, because too many guesses cause a delay.
    lockout::check(&lab, log).await;
}

/// Returns a token that works now: some servers revoke a client's older grants with each new one.
async fn fresh_token(lab: &Lab<'_>, grant: &Grant) -> Secret {
    match lab.tokens().await {
        Ok(tokens) => Secret::new(tokens.access_token),
        Err(_) => grant.access.clone(),
    }
}
