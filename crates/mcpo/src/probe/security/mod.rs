//! `--security`: what somebody who means harm would try, one small check an attempt.
//!
//! Every attempt is made with clients and grants of its own, so that what an earlier one broke (a
//! replayed code revokes its grant) does not decide about a later one.

mod bodies;
mod codes;
mod finding;
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

use self::lab::Lab;
pub use self::rules::all as rules;
use super::{
    args::{Person, Plan},
    check::Log,
    http::Exchange,
    mcp::Wire,
    oauth::Grant,
};

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
    let Person::Forms {
        password,
        redirect_uri,
    } = &plan.person
    else {
        let because = "with --browser, you would have to sign in for each attempt";
        return log.skip_rest(rules::all(), because);
    };
    let lab = Lab {
        exchange,
        target: &plan.target,
        wire,
        profile: &plan.profile,
        server: &grant.server,
        client: &grant.client,
        resource: &grant.resource,
        scopes: &grant.scopes,
        password: password.as_ref(),
        redirect_uri,
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
