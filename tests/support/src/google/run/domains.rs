//! Domain mappings of Cloud Run (version 1 of the API), with their conditions and certificates.
//!
//! The methods and schemas are Google's. The descriptions do not say how a mapping behaves, so the
//! conditions, reasons and messages are those of Google's own client, which polls a new mapping
//! until it has records (gcloud, `serverless_operations.CreateDomainMapping`), and those that public
//! reports quote.

use serde_json::{Value, json};

use super::super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    state::{State, timestamp},
};

/// The regions that have domain mappings.
/// <https://cloud.google.com/run/docs/mapping-custom-domains#run>
const REGIONS: [&str; 10] = [
    "asia-east1",
    "asia-northeast1",
    "asia-southeast1",
    "europe-north1",
    "europe-west1",
    "europe-west4",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-west1",
];
/// The only domain whose verified owners are the callers.
const OWNED: &str = "example.com";
/// The target of the records of a subdomain.
const TARGET: &str = "ghs.googlehosted.com.";
const ROUTABLE: &str = "DomainRoutable";
const CERTIFICATE: &str = "CertificateProvisioned";
const PENDING: &str = "Waiting for certificate provisioning. You must configure your DNS records \
                       for certificate issuance to begin.";

/// Handles calls to `run.projects.locations.domainmappings` and `.authorizeddomains`.
pub fn answer(cloud: &Cloud, call: &Call, method: &str) -> Answer {
    match method {
        "authorizeddomains.list" => Ok(if cloud.state().owns_no_domain {
            json!({})
        } else {
            json!({ "domains": [{ "id": OWNED }] })
        }),
        "domainmappings.create" => create(cloud, call),
        "domainmappings.get" => {
            let name = call.path("name");
            let mut state = cloud.state();
            state.get(&name)?;
            advance(&mut state, &name);
            state.get(&name)
        }
        "domainmappings.list" => {
            let mut state = cloud.state();
            let prefix = format!("{}/domainmappings/", call.path("parent"));
            let names = state.resources.keys();
            let names: Vec<_> = names
                .filter(|name| name.starts_with(&prefix))
                .cloned()
                .collect();
            for name in &names {
                advance(&mut state, name);
            }
            let items: Vec<_> = names
                .iter()
                .map(|name| state.resources[name].clone())
                .collect();
            Ok(json!({
                "apiVersion": "domains.cloudrun.com/v1", "kind": "DomainMappingList",
                "metadata": {}, "items": items,
            }))
        }
        "domainmappings.delete" => {
            cloud.state().delete(&call.path("name"))?;
            Ok(json!({ "status": "Success" }))
        }
        _ => Err(unsupported_method(call)),
    }
}

fn create(cloud: &Cloud, call: &Call) -> Answer {
    let parent = call.path("parent");
    let region = parent.rsplit('/').next().unwrap_or_default();
    let mut state = cloud.state();
    if !REGIONS.contains(&region) {
        let message = format!("Creating domain mappings is not allowed in {region}.");
        return Err(ApiError::new(501, message));
    }
    let body = &call.body;
    let text = |path: &str| {
        body.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let domain = text("/metadata/name");
    if text("/apiVersion") != "domains.cloudrun.com/v1" || text("/kind") != "DomainMapping" {
        return Err(ApiError::new(
            400,
            "apiVersion and kind do not match the method",
        ));
    }
    let namespace = text("/metadata/namespace");
    if namespace != cloud.project && namespace != cloud.number.to_string() {
        return Err(ApiError::new(
            400,
            "metadata.namespace must be the project's id or number",
        ));
    }
    if !domain.contains('.') || domain != domain.to_lowercase() || domain.contains([':', '/', '*'])
    {
        return Err(ApiError::new(
            400,
            format!("metadata.name: invalid domain {domain:?}"),
        ));
    }
    let name = format!("{parent}/domainmappings/{domain}");
    let mut mapping = body.clone();
    if mapping["spec"]["certificateMode"].is_null() {
        mapping["spec"]["certificateMode"] = "AUTOMATIC".into();
    }
    mapping["metadata"]["labels"]["cloud.googleapis.com/location"] = region.into();
    mapping["metadata"]["creationTimestamp"] = timestamp().into();
    mapping["metadata"]["generation"] = 1.into();
    mapping["status"] = first_status(&state, domain, text("/spec/routeName"), &parent);
    state.create(&name, mapping)
}

/// Returns the status of a new mapping. A mapping that Google cannot set up stays as it is, without
/// records.
fn first_status(state: &State, domain: &str, route: &str, parent: &str) -> Value {
    let is_owned = domain == OWNED || domain.ends_with(&format!(".{OWNED}"));
    let elsewhere = format!("/domainmappings/{domain}");
    if state.owns_no_domain || !is_owned {
        let message = format!(
            "Caller is not authorized to administer the domain '{domain}'. If you own '{domain}', \
             you can obtain authorization by verifying ownership of the domain, or any of its parent \
             domains, via the Webmaster Central portal: \
             https://www.google.com/webmasters/verification/verification?domain={domain}."
        );
        return failed("PermissionDenied", &message);
    }
    if state
        .resources
        .keys()
        .any(|name| name.ends_with(&elsewhere))
    {
        let message = format!("Domain mapping to [{domain}] is already in use elsewhere.");
        return failed("MappingAlreadyExists", &message);
    }
    if !state
        .resources
        .contains_key(&format!("{parent}/services/{route}"))
    {
        return failed("RouteMissing", &format!("Route {route} does not exist."));
    }
    let pending = |kind: &str| {
        json!({
            "type": kind, "status": "Unknown", "reason": "CertificatePending", "message": PENDING,
            "lastTransitionTime": timestamp(),
        })
    };
    json!({
        "observedGeneration": 1,
        "mappedRouteName": route,
        "resourceRecords": records(domain),
        "conditions": [
            pending("Ready"),
            pending(CERTIFICATE),
            { "type": ROUTABLE, "status": "True", "lastTransitionTime": timestamp() },
        ],
    })
}

fn failed(reason: &str, message: &str) -> Value {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": timestamp(),
        })
    };
    json!({ "observedGeneration": 1, "conditions": [condition("Ready"), condition(ROUTABLE)] })
}

/// Returns the records that the owner must add: addresses at the apex, otherwise an alias.
fn records(domain: &str) -> Value {
    if domain == OWNED {
        let four = ["32", "34", "36", "38"].iter();
        let v4 = four
            .clone()
            .map(|n| json!({ "type": "A", "rrdata": format!("216.239.{n}.21") }));
        let v6 =
            four.map(|n| json!({ "type": "AAAA", "rrdata": format!("2001:4860:4802:{n}::15") }));
        return v4.chain(v6).collect();
    }
    let relative = domain.strip_suffix(&format!(".{OWNED}")).unwrap_or(domain);
    json!([{ "name": relative, "type": "CNAME", "rrdata": TARGET }])
}

/// Issues the certificate at the second look at a mapping whose records are in DNS.
fn advance(state: &mut State, name: &str) {
    let domain = name.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(mapping) = state.resources.get(name) else {
        return;
    };
    let wanted = mapping["status"]["resourceRecords"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_in_dns = |record: &Value| {
        let kind = record["type"].as_str().unwrap_or_default().to_owned();
        let found = state.dns.get(&(domain.clone(), kind));
        found.is_some_and(|data| data.iter().any(|data| record["rrdata"] == **data))
    };
    if wanted.is_empty() || !wanted.iter().all(is_in_dns) {
        return;
    }
    let looks = state.looks_at_domains.entry(domain).or_default();
    *looks += 1;
    if *looks < 2 {
        return;
    }
    if let Some(mapping) = state.resources.get_mut(name) {
        let conditions = mapping["status"]["conditions"].as_array_mut();
        for condition in conditions
            .into_iter()
            .flatten()
            .filter(|it| it["status"] != "True")
        {
            *condition = json!({
                "type": condition["type"], "status": "True", "lastTransitionTime": timestamp(),
            });
        }
    }
}

/// Returns the full name of the service of a domain. A domain without a certificate
/// leads nowhere.
pub fn service_of(state: &State, host: &str) -> Option<String> {
    let end = format!("/domainmappings/{host}");
    let (name, mapping) = state
        .resources
        .iter()
        .find(|(name, _)| name.ends_with(&end))?;
    let conditions = mapping["status"]["conditions"].as_array()?;
    let is_ready =
        |condition: &Value| condition["type"] == CERTIFICATE && condition["status"] == "True";
    let route = mapping["spec"]["routeName"].as_str()?;
    let parent = name.strip_suffix(&end)?;
    conditions
        .iter()
        .any(is_ready)
        .then(|| format!("{parent}/services/{route}"))
}
