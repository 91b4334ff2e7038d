//! Finds the addresses that a deployment takes away from clients.
//!
//! A client stores the URL that its user typed, and its tokens are for that URL. The server accepts
//! tokens for all of its names, so a client keeps working as long as the server has the name that it
//! uses. If the name goes away, nothing on the server can help: the user must add the connector again.

use mcpo_common::error::{Failure, Outcome};

use crate::{
    args::DeployArgs,
    context::Context,
    google::api::run::{Container, Service},
    names::Names,
    plan::HOSTS,
    settings::Settings,
};

/// Returns the host names that a revision with these containers accepts, without those that Cloud Run
/// assigns.
fn accepted(containers: &[Container]) -> Vec<String> {
    let value = |name: &str| {
        let mut variables = containers.first()?.env.iter();
        variables
            .find(|variable| variable.name == name)?
            .value
            .as_deref()
    };
    let url = value("BASE_URL").map(host);
    let hosts = value(HOSTS).into_iter().flat_map(|hosts| hosts.split(','));
    let all = url.into_iter().chain(hosts);
    let mut all: Vec<_> = all
        .filter(|host| is_chosen(host))
        .map(str::to_owned)
        .collect();
    all.sort();
    all.dedup();
    all
}

fn is_chosen(host: &str) -> bool {
    !host.is_empty() && !host.ends_with(".run.app")
}

/// Returns the host and the port of a URL.
fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.trim_end_matches('/')
}

/// Returns the host names that the service accepts now and will refuse after the deployment.
fn lost(settings: &Settings, names: &Names, current: &Service) -> Vec<String> {
    let url = names.base_url(settings);
    let hosts = names.hosts(settings, Some(current));
    let is_kept = |name: &str| name == host(&url) || hosts.split(',').any(|kept| kept == name);
    let accepted = accepted(current.containers()).into_iter();
    accepted.filter(|name| !is_kept(name)).collect()
}

/// Warns about the clients that lose their address. Fails if the user has not accepted that, unless
/// nothing is changed anyway.
pub fn check(args: &DeployArgs, context: &Context<'_>, current: Option<&Service>) -> Outcome<()> {
    let Some(current) = current else {
        return Ok(());
    };
    let lost = lost(&context.settings, &context.names, current);
    if lost.is_empty() {
        return Ok(());
    }
    let what = loss(context, &lost);
    if args.dry_run || args.accept_reconnect {
        context.ui.warn(what);
        return Ok(());
    }
    let names: Vec<_> = lost.iter().map(|host| format!("{host:?}")).collect();
    Err(Failure::new(what).hint(format!(
        "to keep the name, add former-domains = [{}] to Cargo.toml; to give it up, add \
         --accept-reconnect",
        names.join(", ")
    )))
}

/// Describes who must reconnect.
fn loss(context: &Context<'_>, lost: &[String]) -> String {
    let urls: Vec<_> = lost
        .iter()
        .map(|host| format!("https://{host}/mcp"))
        .collect();
    format!(
        "clients that use {} lose their connection: the server will refuse this name, and each of \
         their users must add the connector again. Clients that use https://{}/mcp are not affected",
        urls.join(" and "),
        context.names.host()
    )
}

/// Warns if a shift of the traffic leads to a revision that does not know an address of the service,
/// and returns the URL at which the revision can be checked.
pub fn base_after_shift(
    context: &Context<'_>,
    current: &[Container],
    target: &[Container],
) -> String {
    let known = accepted(target);
    let mut lost = accepted(current);
    lost.retain(|host| !known.contains(host));
    if !lost.is_empty() {
        context.ui.warn(loss(context, &lost));
    }
    match &context.domain {
        Some(domain) if !known.contains(&domain.name) => {
            format!("https://{}", context.names.host())
        }
        _ => context.base_url(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Container, accepted};

    #[test]
    fn accepted_hosts_are_those_that_the_owner_has_chosen() {
        let containers: Vec<Container> = serde_json::from_value(json!([{ "env": [
            { "name": "BASE_URL", "value": "https://mcp.example.com" },
            { "name": "MCPO_HOSTS", "value": "tiny-1.europe-west1.run.app,old.example.com,tiny-a.a.run.app" },
        ] }]))
        .unwrap();
        assert_eq!(
            accepted(&containers),
            ["mcp.example.com", "old.example.com"]
        );
        assert!(accepted(&[]).is_empty());
        let assigned = json!([{ "env": [{ "name": "BASE_URL", "value": "https://tiny-1.europe-west1.run.app" }] }]);
        let assigned: Vec<Container> = serde_json::from_value(assigned).unwrap();
        assert!(accepted(&assigned).is_empty());
    }
}
