//! Protected resource metadata (RFC 9728): finds it, and checks that it describes this server.

use serde::Deserialize;
use url::Url;

use super::{challenge::Challenge, metadata, public_address, well_known};
use crate::{
    check::{Fault, Log, Pending, Step},
    credentials::Scopes,
    documents::{self, Judgment, Kind, OnRejection},
    http::{Answer, HttpClient, RequestError},
    profile::Profile,
    rules,
};

/// Why the identity of the resource is not checked.
const MISSING: &str = "no resource metadata: treated as a server of 2025-03-26";
const REJECTED: &str =
    "this client ignores the resource metadata: treated as a server of 2025-03-26";

/// The metadata, before it is verified.
#[derive(Debug, Deserialize)]
struct UnverifiedMetadata {
    resource: Option<String>,
    authorization_servers: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
}

/// A resource whose metadata describes the requested server.
#[derive(Clone, Debug)]
pub struct Resource {
    /// As published, byte for byte: the value of `resource` parameters. `None` if nothing is
    /// published, as before 2025-06-18.
    pub identifier: Option<String>,
    /// The first authorization server, which is the one clients use.
    pub issuer: String,
    pub scopes: Scopes,
}

impl Resource {
    /// Returns the `resource` parameter of token requests (RFC 8707 §2.2).
    pub fn parameter(&self) -> Option<(&'static str, &str)> {
        Some(("resource", self.identifier.as_deref()?))
    }
}

/// Finds the metadata in the order of clients: named by the challenge, under the path, at the root.
pub async fn discover(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    challenge: &Challenge,
    profile: &Profile,
) -> Step<Resource> {
    let pending = rules::RESOURCE_METADATA.begin();
    let expected = "200 with a JSON document that names resource and authorization_servers";
    let candidates = match &challenge.unverified_metadata {
        Some(named) => {
            let Ok(url) = Url::parse(named) else {
                let seen = format!("resource_metadata={named:?} in the challenge");
                let hint = "name the whole URL of the document in WWW-Authenticate";
                return Err(pending.fail(log, Fault::new(seen, "an absolute URL", hint)));
            };
            vec![url]
        }
        None => well_known::of_resource(target),
    };
    let mut seen = Vec::new();
    // The first document that the client's library rejects.
    let mut rejected = None;
    for url in &candidates {
        match http.fetch(url).await {
            Ok(answer) if answer.status.is_success() => {
                match documents::judge(Kind::ProtectedResource, &answer, profile) {
                    Judgment::Rejected(fault, OnRejection::Stop) => {
                        return Err(pending.fail(log, fault));
                    }
                    Judgment::Rejected(fault, OnRejection::Absent) => {
                        return Ok(assume(log, pending, target, fault, REJECTED));
                    }
                    Judgment::Rejected(fault, OnRejection::Next) => {
                        rejected = rejected.or(Some(fault));
                    }
                    judgment => {
                        let warning = rejected.or(judgment.warning());
                        return read(log, pending, target, url, &answer, profile, warning);
                    }
                }
            }
            Ok(answer) => seen.push(format!("{}: HTTP {}", answer.url, answer.status.as_u16())),
            Err(request_error) => {
                let seen = format!("{url}: {request_error}");
                let named = match &request_error {
                    RequestError::Insecure(named) => named,
                    _ => url,
                };
                let hint = public_address::fix(named, target)
                    .unwrap_or_else(|| request_error.hint().to_owned());
                return Err(pending.fail(log, Fault::new(seen, expected, hint)));
            }
        }
    }
    if let Some(fault) = rejected {
        return Ok(assume(log, pending, target, fault, REJECTED));
    }
    let hint = format!(
        "serve the document at {} and name it in WWW-Authenticate{}",
        candidates[0],
        http.allow_oauth_user_agent(&seen)
    );
    let fault = Fault::new(seen.join("; "), expected, hint);
    if challenge.unverified_metadata.is_some() {
        return Err(pending.fail(log, fault));
    }
    Ok(assume(log, pending, target, fault, MISSING))
}

/// Assumes a server of 2025-03-26, which publishes nothing and whose origin is the issuer.
/// claude.ai still tries that, as do clients whose library rejects the document.
fn assume(
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    fault: Fault,
    because: &str,
) -> Resource {
    pending.warn(log, fault);
    log.skip(&[&rules::RESOURCE_IDENTITY], because);
    Resource {
        identifier: None,
        issuer: target.origin().ascii_serialization(),
        scopes: Scopes::default(),
    }
}

fn read(
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    url: &Url,
    answer: &Answer,
    profile: &Profile,
    warning: Option<Fault>,
) -> Step<Resource> {
    let kind = Kind::ProtectedResource;
    let (metadata, pending) =
        metadata::read::<UnverifiedMetadata>(log, pending, kind, url, answer)?;
    log.seen.resource = answer.json().ok();
    let issuer = metadata
        .authorization_servers
        .unwrap_or_default()
        .into_iter()
        .next();
    let (Some(identifier), Some(issuer)) = (metadata.resource, issuer) else {
        let expected = "resource, and authorization_servers with at least one issuer";
        let hint = "add the missing members; claude.ai uses the first authorization server";
        return Err(pending.fail(log, Fault::new(answer.text(), expected, hint)));
    };
    pending.pass_or_warn(log, format!("{url} names {issuer}"), warning);
    verify(log, target, &identifier, profile)?;
    let identifier = match Url::parse(&identifier) {
        Ok(url) if profile.resource_as_url => url.to_string(),
        _ => identifier,
    };
    let scopes = metadata
        .scopes_supported
        .unwrap_or_default()
        .into_iter()
        .collect();
    Ok(Resource {
        identifier: Some(identifier),
        issuer,
        scopes,
    })
}

/// Checks that the metadata describes the address that the user typed, or a parent of it.
fn verify(log: &mut Log<'_>, target: &Url, identifier: &str, profile: &Profile) -> Step<()> {
    let pending = rules::RESOURCE_IDENTITY.begin();
    let expected = format!("{target}, byte for byte as the user types it");
    let hint = format!("set resource in the metadata (often: the public base URL) to {target}");
    let fault = Fault::new(format!("resource is {identifier}"), expected, hint);
    // A bare host has no path to type, but a URL that is parsed and printed again ends in a slash.
    let bare = target.path() == "/" && target.query().is_none();
    let typed = target.as_str();
    if identifier == typed || (bare && identifier == typed.trim_end_matches('/')) {
        pending.pass(log, identifier);
        return Ok(());
    }
    let Ok(named) = Url::parse(identifier) else {
        return Err(pending.fail(log, fault));
    };
    let covers = named.path().trim_end_matches('/');
    let rest = target.path().strip_prefix(covers);
    let under = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if named.origin() != target.origin() || !under {
        let hint = public_address::fix(&named, target).unwrap_or(fault.hint);
        return Err(pending.fail(log, Fault { hint, ..fault }));
    }
    // Clients that use the SDKs accept this and continue; some require the exact address. In both
    // cases the rest of the probe still shows something about the server.
    if profile.exact_resource {
        let _ = pending.fail(log, fault);
    } else {
        pending.warn(log, fault);
    }
    Ok(())
}
