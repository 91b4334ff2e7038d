//! The probe itself: each step takes the output of the previous one.

use std::time::Instant;

use reqwest::{Method, header::CONTENT_TYPE};
use url::Url;

use crate::{
    browser_access,
    check::{Fault, Log, Observer, Step},
    cold_start,
    credentials::Credentials,
    http::{
        Guard, HttpClient, NetworkScope, RequestError, UserAgents, is_loopback, proxy_variable,
    },
    mcp::{self, AuthRequirement, Call, McpClient, McpServer as _, Reply, WireFormat},
    oauth::{Challenge, Login, UserAgent},
    observations::TextDocument,
    plan::Plan,
    ports, rejected_credentials,
    report::Report,
    restart_checks, rules,
    security::{self, AttackContext},
    stdio_flow,
    store::Store,
    target::Target,
    usage::use_server,
};

/// Probes the server as a client does, and shows each check to `observer` as it finishes.
pub async fn run(plan: &Plan, observer: &mut dyn Observer) -> Report {
    let since = Instant::now();
    let mut log = Log::new(observer, plan);
    let mut left = None;
    // The probe may end early; then the last check in the log has the reason.
    let _ = match &plan.target {
        Target::Url(url) => Box::pin(steps(plan, &mut log, url, &mut left)).await,
        Target::Command(command) => Box::pin(stdio_flow::steps(plan, &mut log, command)).await,
    };
    log.skip_unreached(&plan.target);
    if plan.locked.is_some() {
        log.skip_rest([&rules::CONTRACT].into_iter(), "the probe ended before it");
    }
    if plan.cold.is_some() {
        log.skip_rest([&rules::COLD].into_iter(), "the probe ended before it");
    }
    if plan.security {
        log.skip_rest(security::rules(), "the probe ended before it");
    }
    Report::new(plan, log, left, since.elapsed())
}

async fn steps(
    plan: &Plan,
    log: &mut Log<'_>,
    target: &Url,
    left: &mut Option<Credentials>,
) -> Step<()> {
    let http = connect(plan, log, target).await?;
    let requirement = {
        let http = http.with_user_agents(first_user_agents(plan));
        mcp::unauthenticated_request(&http, log, target, &plan.profile).await?
    };
    let login = Login::new(&http, plan, target, prepare(plan, log).await?);
    let mut peer = McpClient::new(&http, target, login);
    let outcome = Box::pin(inside(plan, log, &mut peer, requirement)).await;
    if plan.stores.contains(&Store::ChatGpt) {
        log.seen.domain_verification = Some(domain_verification(&http, target).await);
    }
    // Also after a failure: a client keeps the tokens it received.
    *left = peer
        .grant
        .as_ref()
        .map(|grant| grant.credentials(plan.profile.name));
    outcome
}

async fn inside(
    plan: &Plan,
    log: &mut Log<'_>,
    peer: &mut McpClient<'_>,
    requirement: AuthRequirement,
) -> Step<()> {
    let http = peer.http;
    let challenges =
        !matches!(&requirement, AuthRequirement::Guarded(none) if *none == Challenge::default());
    match requirement {
        AuthRequirement::Guarded(challenge) => peer.authorize(log, &challenge).await?,
        AuthRequirement::Open => log.skip(rules::OAUTH, "the server does not ask for a token"),
        AuthRequirement::FixedHeader => {
            log.skip(rules::OAUTH, "the server accepts the header of --header");
        }
    }
    if let (Some(origin), Some(grant)) = (&plan.profile.browser_origin, &peer.grant) {
        browser_access::check(http, log, peer.target, origin, &grant.server).await;
    }
    let negotiated_version = mcp::handshake(peer, log).await?;
    let wire_format = &negotiated_version.newest;
    mcp::negotiate(peer, log, &negotiated_version).await;
    let used = use_server(plan, peer, log, &negotiated_version).await?;
    let refreshed = refresh(peer, log, wire_format).await;
    rejected_credentials::check(plan, peer, log, wire_format, challenges).await;
    if let Some(context) = peer
        .grant
        .as_ref()
        .and_then(|grant| AttackContext::of(plan, http, peer.target, wire_format, grant))
    {
        restart_checks::check(plan, &context, log).await;
    }
    if let Some(idle) = plan.cold {
        cold_start::check(plan, peer, log, wire_format, idle).await;
    }
    if plan.security {
        security::attack(
            plan,
            http,
            log,
            peer.target,
            wire_format,
            peer.grant.as_ref(),
        )
        .await;
    }
    peer.leave(negotiated_version.older.as_ref().unwrap_or(wire_format))
        .await;
    used.and(refreshed)
}

/// Fetches the document that ChatGPT reads before a submission, without credentials and without
/// following redirects.
async fn domain_verification(http: &HttpClient, target: &Url) -> Result<TextDocument, String> {
    let url = target.join("/.well-known/openai-apps-challenge");
    let url = url.map_err(|error| error.to_string())?;
    let answer = match http.request(Method::GET, &url) {
        Ok(request) => http.send(request).await,
        Err(error) => Err(error),
    };
    let answer = answer.map_err(|error| error.to_string())?;
    let media_type = answer.header(CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    Ok(TextDocument {
        status: answer.status.as_u16(),
        media_type: media_type.to_lowercase(),
        body: answer.text(),
    })
}

/// Requires https except on loopback, and resolves the address.
pub async fn connect(plan: &Plan, log: &mut Log<'_>, target: &Url) -> Step<HttpClient> {
    let pending = rules::ADDRESS.begin();
    if target.scheme() != "https" && !is_loopback(target) {
        let mut secure = target.clone();
        // Both schemes are special, so this cannot fail.
        let _ = secure.set_scheme("https");
        let hint = format!(
            "use {secure}, and serve it over https: otherwise, others can read tokens and passwords \
             on the network"
        );
        return Err(pending.fail(log, Fault::new(target, "an https address", hint)));
    }
    let proxy = proxy_variable(target);
    let guard = match Guard::of(target, &plan.connection.resolve).await {
        Ok(guard) => guard,
        // A proxy resolves names itself; this machine may not be able to resolve them.
        Err(_) if proxy.is_some() => Guard::behind_proxy(),
        Err(error) => {
            let request_error = RequestError::Unresolved(error.to_string());
            return Err(pending.could_not_run(
                log,
                format!("{target}: {request_error}"),
                request_error.hint(),
            ));
        }
    };
    let is_public = guard.scope() == NetworkScope::Public;
    if let Some(fault) = ports::refused(&plan.profile, is_public, target) {
        return Err(pending.fail(log, fault));
    }
    let seen = match (target.scheme(), guard.scope()) {
        ("https", NetworkScope::Public) => "https",
        ("https", NetworkScope::Local) => "https, in a private network",
        _ => "on this machine",
    };
    match proxy {
        Some(variable) => pending.pass(
            log,
            format!(
                "{seen}; unless NO_PROXY exempts a host, the proxy of {variable} looks names up and \
                 decides which addresses are reached, private ones included"
            ),
        ),
        None => pending.pass(log, seen),
    }
    let connection = plan.connection.clone();
    Ok(
        HttpClient::new(target, guard, connection, plan.timeout, log.recorder())
            .with_user_agents(user_agents(plan)),
    )
}

/// Returns the `User-Agent` headers of the client.
fn user_agents(plan: &Plan) -> UserAgents {
    let known = &plan.profile.user_agent;
    UserAgents {
        oauth: known.oauth.clone(),
        mcp: known.mcp.clone(),
    }
}

/// Returns the `User-Agent` headers until the client has seen a challenge.
fn first_user_agents(plan: &Plan) -> UserAgents {
    let known = user_agents(plan);
    UserAgents {
        mcp: plan.profile.user_agent.first.clone().or(known.mcp),
        ..known
    }
}

/// Prepares the sign-in. `--browser` binds the callback port here: it is part of the registration.
pub async fn prepare<'p>(plan: &'p Plan, log: &mut Log<'_>) -> Step<UserAgent<'p>> {
    let pending = rules::REGISTRATION.begin();
    match UserAgent::prepare(&plan.person, &plan.profile.callback_path()).await {
        Ok(user_agent) => Ok(user_agent),
        Err(error) => {
            let because = format!("failed to listen for the browser's callback: {error}");
            Err(pending.could_not_run(log, because, ""))
        }
    }
}

/// Refreshes the tokens and checks that the server accepts the new access token.
async fn refresh(
    peer: &mut McpClient<'_>,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
) -> Step<()> {
    let pending = rules::REFRESH.begin();
    let Some(grant) = &mut peer.grant else {
        pending.skip(log, "the server does not ask for a token");
        return Ok(());
    };
    let refreshed = match peer.login.refresh(grant).await {
        Ok(Some(refreshed)) => refreshed,
        Ok(None) => {
            pending.skip(log, "no refresh token was issued");
            return Ok(());
        }
        Err((_, fault)) => return Err(pending.fail(log, fault)),
    };
    let list = Call::new("tools/list", serde_json::json!({}));
    let token = Some(&grant.access);
    match mcp::call(peer.http, peer.target, wire_format, token, &list)
        .await
        .map(|heard| heard.reply)
    {
        Ok(Reply::Result(_)) => {
            pending.pass_or_warn(log, refreshed.summary, refreshed.warning);
            Ok(())
        }
        Ok(reply) => {
            let hint = "accept refreshed tokens like the first ones: same audience, same scopes";
            let fault = Fault::new(
                format!("refreshed, then {}", reply.summary()),
                "an answer to a request with the new token",
                hint,
            );
            Err(pending.fail(log, fault))
        }
        Err(request_error) => {
            let fault = Fault::new(
                request_error.to_string(),
                "an answer to a request with the new token",
                request_error.hint(),
            );
            Err(pending.fail(log, fault))
        }
    }
}
