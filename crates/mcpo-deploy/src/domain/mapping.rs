//! Reads the domain mappings of a region and interprets their state.

use crate::{
    google::{
        Google, GoogleError, Request,
        api::run::{DomainCondition, DomainMapping, ListDomainMappingsResponse},
        method,
    },
    labels::are_ours,
    names::Names,
    settings::{MAPPING_REGIONS, Settings},
};

/// The maximum number of pages of a list.
const PAGES: usize = 100;

/// The state of a mapping, from its conditions.
#[derive(Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// The certificate is there.
    Ready,
    /// Google waits, for example for the records in DNS. The message of Google.
    Pending(&'a str),
    /// Google refused the mapping. It stays like this, without records.
    Failed(&'a DomainCondition),
}

impl DomainMapping {
    /// Returns the state of the mapping.
    pub fn state(&self) -> State<'_> {
        let find = |kind: &str| {
            let mut conditions = self.status.conditions.iter();
            conditions.find(|condition| condition.kind == kind)
        };
        let ready = find("Ready");
        let certificate = find("CertificateProvisioned");
        match (ready, certificate) {
            (Some(failed), _)
                if failed.status == "False" && self.status.resource_records.is_empty() =>
            {
                State::Failed(failed)
            }
            (Some(ready), _) if ready.status == "True" => State::Ready,
            (_, Some(certificate)) if !certificate.message.is_empty() => {
                State::Pending(&certificate.message)
            }
            (Some(ready), _) => State::Pending(&ready.message),
            (None, _) => State::Pending(""),
        }
    }

    /// Returns true if mcpo created the mapping for this service.
    pub fn is_ours(&self, names: &Names) -> bool {
        are_ours(&self.metadata.labels)
            && names.are_labels_of_service(&self.metadata.labels)
            && self.spec.route_name == names.service_id
    }
}

/// Returns all mappings of the region.
pub async fn list(google: &Google, names: &Names) -> Result<Vec<DomainMapping>, GoogleError> {
    let path = format!("v1/{}/domainmappings", names.location());
    let mut mappings = Vec::new();
    let mut token = String::new();
    for _ in 0..PAGES {
        let query = [("continue", token.as_str())];
        let request = Request {
            query: if token.is_empty() { &[] } else { &query },
            ..Request::to(&path)
        };
        let page: ListDomainMappingsResponse =
            google.call(&method::DOMAIN_MAPPINGS_LIST, request).await?;
        mappings.extend(page.items);
        if page.metadata.next.is_empty() {
            break;
        }
        token = page.metadata.next;
    }
    Ok(mappings)
}

/// Returns the domains among `mappings` that lead to this service because of an earlier setting.
pub fn unused(mappings: &[DomainMapping], settings: &Settings, names: &Names) -> Vec<String> {
    let is_used = |domain: &String| {
        settings.domain.as_ref() == Some(domain) || settings.former_domains.contains(domain)
    };
    let ours = mappings.iter().filter(|mapping| mapping.is_ours(names));
    let domains = ours.map(|mapping| mapping.metadata.name.clone());
    domains.filter(|domain| !is_used(domain)).collect()
}

/// Returns the domains that lead to this service although no domain is set. If Google does not list
/// the mappings, there are none to report: a deployment without a domain must not need them.
pub async fn left_over(
    google: &Google,
    settings: &Settings,
    names: &Names,
    disabled: &[&str],
) -> Vec<String> {
    let is_off = disabled.contains(&method::DOMAIN_MAPPINGS_LIST.host);
    if is_off || !settings.has_domain_mappings() {
        return Vec::new();
    }
    let mappings = list(google, names).await.unwrap_or_default();
    unused(&mappings, settings, names)
}

/// Returns the mappings that lead to this service, also those of other tools.
pub async fn mappings_to(
    google: &Google,
    names: &Names,
) -> Result<Vec<DomainMapping>, GoogleError> {
    if !MAPPING_REGIONS.contains(&&*names.region) {
        return Ok(Vec::new());
    }
    let mut mappings = list(google, names).await?;
    mappings.retain(|mapping| mapping.spec.route_name == names.service_id);
    Ok(mappings)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DomainMapping, State};

    fn mapping(status: &Value) -> DomainMapping {
        serde_json::from_value(json!({ "status": status })).unwrap()
    }

    #[test]
    fn state_follows_the_conditions_of_the_mapping() {
        let records =
            json!([{ "name": "mcp", "type": "CNAME", "rrdata": "ghs.googlehosted.com." }]);
        let pending = mapping(&json!({ "resourceRecords": records, "conditions": [
            { "type": "Ready", "status": "Unknown", "reason": "CertificatePending", "message": "a" },
            { "type": "CertificateProvisioned", "status": "Unknown", "message": "b" },
            { "type": "DomainRoutable", "status": "True" },
        ] }));
        assert_eq!(pending.state(), State::Pending("b"));
        let ready = mapping(&json!({ "resourceRecords": records, "conditions": [
            { "type": "Ready", "status": "True" },
            { "type": "CertificateProvisioned", "status": "True" },
        ] }));
        assert_eq!(ready.state(), State::Ready);
        let failed = mapping(&json!({ "conditions": [
            { "type": "Ready", "status": "False", "reason": "PermissionDenied", "message": "no" },
        ] }));
        assert!(matches!(failed.state(), State::Failed(condition) if condition.message == "no"));
        // A mapping that worked before, and whose certificate could not be renewed, keeps its records.
        let broken = mapping(&json!({ "resourceRecords": records, "conditions": [
            { "type": "Ready", "status": "False", "message": "renewal" },
        ] }));
        assert_eq!(broken.state(), State::Pending("renewal"));
        assert_eq!(mapping(&json!({})).state(), State::Pending(""));
    }
}
