//! Reads the state of the custom domain: its mapping, its owner, its records in DNS, and its response.
//! Sends no writes.

use std::time::Duration;

use mcpo_common::error::{Failure, Outcome};

use super::{Dns, Domain, Mapped, Ownership, Response, Route, dns, mapping};
use crate::{
    google::{
        ErrorContext as _, Google,
        api::run::{DomainMapping, ListAuthorizedDomainsResponse},
        http::Http,
        method,
    },
    names::Names,
    settings::Settings,
};

/// How long the domain may take to answer. A domain that does not answer is normal until its
/// certificate is issued.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the state of the custom domain, if the settings name one.
pub async fn observe(
    google: &Google,
    settings: &Settings,
    names: &Names,
    disabled: &[&str],
) -> Outcome<Option<Domain>> {
    let Some(name) = settings.domain.clone() else {
        return Ok(None);
    };
    let route = async {
        if !settings.has_domain_mappings() {
            return Ok::<_, Failure>((Route::LoadBalancer, Vec::new()));
        }
        // Without Cloud Run, there are no mappings yet.
        let mappings = if disabled.contains(&method::DOMAIN_MAPPINGS_LIST.host) {
            Vec::new()
        } else {
            let listed = mapping::list(google, names).await;
            listed.during("failed to list the domain mappings")?
        };
        let left_over = mapping::unused(&mappings, settings, names);
        let mut mappings = mappings.into_iter();
        let found = mappings.find(|mapping| mapping.metadata.name == name);
        let mapped = mapped(google, names, disabled, &name, found).await;
        Ok((Route::Mapping(Box::new(mapped)), left_over))
    };
    let (route, response) = tokio::join!(route, respond(google.http(), &name));
    let (route, left_over) = route?;
    Ok(Some(Domain {
        name,
        route,
        response,
        left_over,
    }))
}

async fn mapped(
    google: &Google,
    names: &Names,
    disabled: &[&str],
    name: &str,
    mapping: Option<DomainMapping>,
) -> Mapped {
    let is_ready = mapping
        .as_ref()
        .is_some_and(|mapping| mapping.state() == mapping::State::Ready);
    if is_ready {
        return Mapped {
            dns: Dns::Set,
            mapping,
            ..Mapped::default()
        };
    }
    let http = google.http();
    let records = async {
        let known = mapping
            .as_ref()
            .map(|mapping| mapping.status.resource_records.clone());
        let records = match known.filter(|records| !records.is_empty()) {
            Some(known) => known,
            None => dns::expected(http, name).await,
        };
        let dns = dns::compare(http, name, &records).await;
        (records, dns)
    };
    let owner = async {
        if disabled.contains(&method::AUTHORIZED_DOMAINS_LIST.host) {
            return Ownership::Unknown;
        }
        ownership(google, names, name).await
    };
    let ((records, dns), ownership, obstacle) =
        tokio::join!(records, owner, dns::forbidding_caa(http, name));
    Mapped {
        mapping,
        ownership,
        records,
        dns,
        obstacle,
    }
}

/// Returns whether the caller is a verified owner of the domain or of one of its parents. A caller who
/// may not ask leaves the decision to Google.
async fn ownership(google: &Google, names: &Names, name: &str) -> Ownership {
    let path = format!("v1/{}/authorizeddomains", names.location());
    let listed =
        google.list::<ListAuthorizedDomainsResponse>(&method::AUTHORIZED_DOMAINS_LIST, &path);
    let Ok(listed) = listed.await else {
        return Ownership::Unknown;
    };
    let covers = |owned: &str| name == owned || name.ends_with(&format!(".{owned}"));
    if listed.iter().any(|domain| covers(&domain.id)) {
        Ownership::Verified
    } else {
        Ownership::NotVerified
    }
}

/// Returns what a request for the metadata of the server gets at the domain.
pub async fn respond(http: &Http, name: &str) -> Response {
    let url = format!("https://{name}/.well-known/oauth-protected-resource/mcp");
    let sent = http.send_once(name, |client| client.get(&url));
    match tokio::time::timeout(RESPONSE_TIMEOUT, sent).await {
        Ok(Ok(reply)) if reply.status.is_success() => {
            // Another server may still be at this address.
            let resource = format!("https://{name}/mcp");
            let metadata: serde_json::Value =
                serde_json::from_slice(&reply.body).unwrap_or_default();
            if metadata["resource"] == *resource {
                Response::Served
            } else {
                Response::Other(reply.status.as_u16())
            }
        }
        Ok(Ok(reply)) => Response::Other(reply.status.as_u16()),
        Ok(Err(error)) => Response::None(error.to_string()),
        Err(_) => Response::None(format!(
            "no response within {} s",
            RESPONSE_TIMEOUT.as_secs()
        )),
    }
}
