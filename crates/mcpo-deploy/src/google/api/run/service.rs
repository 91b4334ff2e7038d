//! Services and their revisions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, Container, TrafficTarget, TrafficTargetStatus};
use crate::google::api::{IntString, Labels, Other, is_default, last_segment};

/// A service. Updates have a field mask, so only the unknown fields in the mask are written back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Service {
    #[serde(skip_serializing_if = "is_default")]
    pub client: String,
    #[serde(skip_serializing_if = "is_default")]
    pub client_version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub functional_type: String,
    #[serde(skip_serializing_if = "is_default")]
    pub ingress: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoker_iam_disabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_authorization: Option<BinaryAuthorization>,
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
    /// Values that tools store; they create no revision.
    #[serde(skip_serializing_if = "is_default")]
    pub annotations: Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<RevisionTemplate>,
    #[serde(skip_serializing_if = "is_default")]
    pub traffic: Vec<TrafficTarget>,
    /// Changes with every write. A write with an outdated etag fails.
    #[serde(skip_serializing_if = "is_default")]
    pub etag: String,
    /// The scaling limits of the whole service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Value>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub other: Other,
    /// Not a field of the API: the fields of the wanted service that come from settings which are
    /// passed through, as JSON pointers, and digests of their values in the settings.
    #[serde(skip)]
    pub passed: BTreeMap<String, String>,

    // The fields below are output only.
    /// Increases with each change of the settings.
    #[serde(skip_serializing)]
    pub generation: Option<IntString<u64>>,
    /// The account that wrote the service last, usually an email address.
    #[serde(skip_serializing)]
    pub last_modifier: String,
    /// When the service was written last: RFC 3339, in UTC.
    #[serde(skip_serializing)]
    pub update_time: String,
    #[serde(skip_serializing)]
    pub reconciling: bool,
    #[serde(skip_serializing)]
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing)]
    pub terminal_condition: Condition,
    /// The full name of a revision.
    #[serde(skip_serializing)]
    pub latest_created_revision: Option<String>,
    /// The full name of a revision.
    #[serde(skip_serializing)]
    pub latest_ready_revision: Option<String>,
    #[serde(skip_serializing)]
    pub traffic_statuses: Vec<TrafficTargetStatus>,
    #[serde(skip_serializing)]
    pub uri: String,
    #[serde(skip_serializing)]
    pub urls: Vec<String>,

    // The fields below are not part of the message. They are set if previews are left out.
    /// Whether the current template is that of a preview, and `template` is an earlier one.
    #[serde(skip)]
    pub hides_template: bool,
    /// Whether the latest ready revision is a preview, and `latest_ready_revision` is an earlier one.
    #[serde(skip)]
    pub hides_ready: bool,
}

/// The policy that decides which images the service may run. Either `use_default` or `policy` is
/// set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BinaryAuthorization {
    #[serde(skip_serializing_if = "is_default")]
    pub use_default: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub policy: String,
    #[serde(flatten)]
    pub other: Other,
}

/// The settings of a revision.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RevisionTemplate {
    /// The short name of the revision; empty if Google chooses it.
    #[serde(skip_serializing_if = "is_default")]
    pub revision: String,
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
    #[serde(skip_serializing_if = "is_default")]
    pub service_account: String,
    /// A duration such as `3600s`.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_instance_request_concurrency: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub execution_environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<RevisionScaling>,
    #[serde(skip_serializing_if = "is_default")]
    pub containers: Vec<Container>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RevisionScaling {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_instance_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_instance_count: Option<u32>,
    #[serde(flatten)]
    pub other: Other,
}

/// The fields that a template and its revision have in common, except those that are read by name.
const OF_THE_TEMPLATE: &[&str] = &[
    "ambientNetworking",
    "annotations",
    "encryptionKey",
    "encryptionKeyRevocationAction",
    "encryptionKeyShutdownDuration",
    "executionEnvironment",
    "gpuZonalRedundancyDisabled",
    "maxInstanceRequestConcurrency",
    "nodeSelector",
    "sandboxes",
    "scaling",
    "serviceAccount",
    "serviceMesh",
    "sessionAffinity",
    "timeout",
    "volumes",
    "vpcAccess",
    "workloadIdentityConfig",
];

/// A revision of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Revision {
    pub name: String,
    /// RFC 3339, in UTC.
    pub create_time: Option<String>,
    pub conditions: Vec<Condition>,
    pub containers: Vec<Container>,
    pub volumes: Vec<Value>,
    pub labels: Labels,
    /// The other fields. Most come from the template.
    #[serde(flatten)]
    pub other: Other,
}

impl Service {
    /// Returns the containers of the latest created revision.
    pub fn containers(&self) -> &[Container] {
        let template = self.template.as_ref();
        template.map_or(&[], |template| &template.containers)
    }

    /// Returns the short name of the latest created revision; empty if there is none.
    pub fn latest_created(&self) -> &str {
        last_segment(self.latest_created_revision.as_deref().unwrap_or_default())
    }

    /// Returns the short name of the latest revision that became ready.
    pub fn latest_ready(&self) -> Option<&str> {
        let name = last_segment(self.latest_ready_revision.as_deref()?);
        (!name.is_empty()).then_some(name)
    }
}

impl Revision {
    pub fn short_name(&self) -> &str {
        last_segment(&self.name)
    }

    /// Returns the template that the revision was made from.
    pub fn template(&self) -> RevisionTemplate {
        let mut fields = self.other.clone();
        fields.retain(|name, _| OF_THE_TEMPLATE.contains(&name.as_str()));
        let template = serde_json::from_value(Value::Object(fields));
        RevisionTemplate {
            revision: self.short_name().to_owned(),
            labels: self.labels.clone(),
            containers: self.containers.clone(),
            ..template.unwrap_or_default()
        }
    }

    /// Returns the condition that says whether the revision works.
    pub fn readiness(&self) -> Condition {
        let mut conditions = self.conditions.iter();
        let ready = conditions.find(|condition| condition.kind == "Ready");
        ready.cloned().unwrap_or_default()
    }

    /// Returns true if the revision ever became ready.
    pub fn is_ready(&self) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.any(|condition| condition.kind == "Ready" && condition.is_met())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Revision, Service};
    use crate::google::api::run::AllocationType;

    #[test]
    fn unknown_fields_survive_a_change() {
        let template = json!({
            "revision": "x-1", "timeout": "3.5s", "serviceAccount": "a@b",
            "scaling": { "maxInstanceCount": 4, "cpuUtilization": 0.5 },
            "vpcAccess": { "connector": "c", "egress": "SOMETHING_NEW" },
            "volumes": [{ "name": "v", "gcs": { "bucket": "b" } }],
            "containers": [{
                "image": "i", "workingDir": "/", "dependsOn": ["other"],
                "env": [
                    { "name": "A", "value": "1", "later": true },
                    { "name": "B", "valueSource": { "secretKeyRef": { "secret": "s", "version": "2" } } },
                ],
                "ports": [{ "name": "h2c", "containerPort": 8080 }],
                "resources": { "limits": { "cpu": "1", "nvidia.com/gpu": "1" }, "cpuIdle": false },
                "startupProbe": { "httpGet": { "path": "/", "port": 1 }, "initialDelaySeconds": 3 },
            }, { "image": "sidecar", "livenessProbe": { "grpc": {} } }],
        });
        let read = json!({
            "name": "n", "uid": "u", "generation": "12", "etag": "e", "template": template,
            "ingress": "INGRESS_TRAFFIC_SOME_NEW_VALUE", "labels": { "team": "a" },
            "traffic": [{ "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_NEW", "percent": 100 }],
            "terminalCondition": { "type": "Ready", "state": "CONDITION_NEW" },
        });
        let mut service: Service = serde_json::from_value(read).unwrap();
        assert_eq!(service.generation.unwrap().0, 12);
        assert!(!service.terminal_condition.is_met());
        let new = AllocationType::Other("TRAFFIC_TARGET_ALLOCATION_TYPE_NEW".to_owned());
        assert_eq!(service.traffic[0].kind, new);
        service.template.as_mut().unwrap().containers[0].image = "j".to_owned();
        assert_eq!(service.other["uid"], "u");
        service.other.clear();
        let mut expected = json!({
            "etag": "e", "template": template, "labels": { "team": "a" },
            "ingress": "INGRESS_TRAFFIC_SOME_NEW_VALUE",
            "traffic": [{ "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_NEW", "percent": 100 }],
        });
        expected["template"]["containers"][0]["image"] = "j".into();
        assert_eq!(serde_json::to_value(&service).unwrap(), expected);
    }
    #[test]
    fn template_of_a_revision_keeps_fields_that_mcpo_does_not_know() {
        let revision: Revision = serde_json::from_value(json!({
            "name": "p/revisions/x-1", "uid": "u", "service": "x", "labels": { "team": "a" },
            "timeout": "60s", "scaling": { "maxInstanceCount": 4 }, "scalingStatus": {},
            "containers": [{ "image": "i" }], "vpcAccess": { "connector": "c" },
            "conditions": [{ "type": "Ready", "state": "CONDITION_SUCCEEDED" }], "etag": "e",
        }))
        .unwrap();
        let expected = json!({
            "revision": "x-1", "labels": { "team": "a" }, "timeout": "60s",
            "scaling": { "maxInstanceCount": 4 }, "containers": [{ "image": "i" }],
            "vpcAccess": { "connector": "c" },
        });
        assert_eq!(serde_json::to_value(revision.template()).unwrap(), expected);
        assert!(revision.readiness().is_met());
    }
}
