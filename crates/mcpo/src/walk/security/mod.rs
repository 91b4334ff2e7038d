//! `--security`: what somebody who means harm would try, one small check an attempt.
//!
//! Every attempt is made with clients and grants of its own, so that what an earlier one broke (a
//! replayed code revokes its grant) does not decide about a later one.

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
use super::{check::Log, http::Exchange, mcp::Wire, oauth::Grant, plan::Plan};

/// Makes every attempt. `wire` is how the server speaks MCP, `grant` what the walk got from it.
pub async fn attack(
    plan: &Plan,
    exchange: &Exchange,
    log: &mut Log<'_>,
    wire: &Wire,
    grant: Option<&Grant>,
) {
    let Some(grant) = grant else {
        let because = "the server asks for no token";
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
    headers::check(exchange, log, &plan.target, wire, Some(&grant.access)).await;
    headers::check_metadata(&lab, log).await;
    pages::check(&lab, log).await;
    bodies::check(&lab, log).await;
    bodies::check_endpoint(exchange, log, &plan.target, wire, Some(&grant.access)).await;
    ssrf::check(&lab, log).await;
    // Last, because whoever guesses too often has to wait.
    lockout::check(&lab, log).await;
}
