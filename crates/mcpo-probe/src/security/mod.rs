//! `--security`: what an attacker would try, one small check per attempt.
//!
//! Every attempt uses its own clients and grants, so that the effects of an earlier attempt (a
//! replayed code revokes its grant) do not influence a later one.

mod bodies;
mod codes;
mod context;
mod forged;
mod headers;
mod lockout;
mod outcome;
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
    context::{AttackContext, read},
    outcome::{AttackOutcome, AttackResult, summarize},
};
use mcpo_common::secret::Secret;
use url::Url;

use crate::{check::Log, http::HttpClient, mcp::WireFormat, oauth::Grant, plan::Plan};

/// Makes every attempt. `wire_format` is the server's wire format, `grant` the probe's grant.
pub async fn attack(
    plan: &Plan,
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    wire_format: &WireFormat,
    grant: Option<&Grant>,
) {
    let Some(grant) = grant else {
        let because = "the server does not ask for a token";
        headers::check(http, log, target, wire_format, None).await;
        bodies::check_endpoint(http, log, target, wire_format, None).await;
        return log.skip_rest(rules::all(), because);
    };
    let Some(context) = AttackContext::of(plan, http, target, wire_format, grant) else {
        let because = "with --browser, you would have to sign in for each attempt";
        return log.skip_rest(rules::all(), because);
    };
    pkce::check(&context, log).await;
    codes::check(&context, log).await;
    redirects::check(&context, log).await;
    registration::check(&context, log).await;
    tokens::check(&context, log).await;
    refresh::check(&context, log).await;
    let token = fresh_token(&context, grant).await;
    headers::check(http, log, target, wire_format, Some(&token)).await;
    headers::check_metadata(&context, log).await;
    pages::check(&context, log).await;
    bodies::check(&context, log).await;
    let token = fresh_token(&context, grant).await;
    bodies::check_endpoint(http, log, target, wire_format, Some(&token)).await;
    ssrf::check(&context, log).await;
    // Last, because too many guesses cause a delay.
    lockout::check(&context, log).await;
}

/// Returns a token that works now: some servers revoke a client's older grants with each new one.
async fn fresh_token(context: &AttackContext<'_>, grant: &Grant) -> Secret {
    match context.tokens().await {
        Ok(tokens) => Secret::new(tokens.access_token),
        Err(_) => grant.access.clone(),
    }
}
