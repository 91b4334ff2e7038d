//! Cloud Storage, version 1. <https://cloud.google.com/storage/docs/json_api/v1>

use serde::{Deserialize, Serialize};

use super::{IntString, Labels, Other, is_default, page::page};

/// Returns the path of an object, with all special characters of its name escaped. Programs that may
/// write objects choose their names, and unescaped names could lead to other buckets. Cloud Storage
/// has no objects with the names `.` and `..`.
pub fn object_path(bucket: &str, name: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("{bucket}/o/{}", name.replace('+', "%20"))
}

/// A bucket.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bucket {
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub location: String,
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
    /// The project that owns the bucket; output only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_number: Option<IntString<u64>>,
    /// Increases with every change of the bucket's settings; output only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metageneration: Option<IntString<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam_configuration: Option<IamConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_delete_policy: Option<SoftDeletePolicy>,
    #[serde(skip_serializing_if = "is_default")]
    pub lifecycle: Lifecycle,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Encryption {
    pub default_kms_key_name: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IamConfiguration {
    pub uniform_bucket_level_access: UniformBucketLevelAccess,
    pub public_access_prevention: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UniformBucketLevelAccess {
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SoftDeletePolicy {
    pub retention_duration_seconds: IntString<i64>,
}

/// The lifecycle rules of a bucket. An update replaces them as a whole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Lifecycle {
    pub rule: Vec<Rule>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    pub action: Action,
    pub condition: Condition,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Action {
    #[serde(rename = "type", skip_serializing_if = "is_default")]
    pub kind: String,
    #[serde(flatten)]
    pub other: Other,
}

/// When a rule applies to an object.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// In days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_since_custom_time: Option<u32>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Object {
    pub name: String,
}

page!(Objects, items: Object);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Bucket;

    #[test]
    fn unknown_conditions_of_lifecycle_rules_are_kept() {
        let text = json!({ "projectNumber": "123456789012", "metageneration": 7, "lifecycle": {
            "rule": [{
                "action": { "type": "SetStorageClass", "storageClass": "NEARLINE" },
                "condition": { "age": 30, "matchesPrefix": ["x"], "sizeAboveBytes": "9" },
            }],
        } });
        let bucket: Bucket = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(bucket.project_number.unwrap().0, 123_456_789_012);
        let written = serde_json::to_value(&bucket).unwrap();
        assert_eq!(written["lifecycle"], text["lifecycle"]);
        assert_eq!(written["metageneration"], "7");
    }
}
