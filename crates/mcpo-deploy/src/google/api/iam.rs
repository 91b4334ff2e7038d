//! Identity and Access Management, version 1, and the policies of all APIs.
//! <https://cloud.google.com/iam/docs/reference/rest>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Other, is_default};

/// The first version of policies with conditions; older versions omit them.
pub const POLICY_VERSION: i32 = 3;

/// The body of `serviceAccounts.create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateServiceAccountRequest {
    pub account_id: String,
    pub service_account: ServiceAccount,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceAccount {
    pub display_name: String,
    pub description: String,
}

/// An IAM policy.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Policy {
    #[serde(skip_serializing_if = "is_default")]
    pub version: i32,
    pub bindings: Vec<Binding>,
    #[serde(skip_serializing_if = "is_default")]
    pub etag: String,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Binding {
    pub role: String,
    pub members: Vec<String>,
    /// When the binding applies; `None` means always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    #[serde(flatten)]
    pub other: Other,
}

impl Policy {
    /// Returns true if the policy grants `role` to `member` without a condition.
    pub fn grants(&self, role: &str, member: &str) -> bool {
        self.bindings.iter().any(|binding| {
            binding.role == role
                && binding.condition.is_none()
                && binding.members.iter().any(|one| one == member)
        })
    }

    /// Takes `role` without a condition from `member`. Keeps all other bindings.
    pub fn revoke(&mut self, role: &str, member: &str) {
        for binding in &mut self.bindings {
            if binding.role == role && binding.condition.is_none() {
                binding.members.retain(|one| one != member);
            }
        }
        self.bindings.retain(|binding| !binding.members.is_empty());
    }

    /// Grants `role` to `member` without a condition. Keeps all other bindings.
    pub fn grant(&mut self, role: &str, member: &str) {
        if self.grants(role, member) {
            return;
        }
        let mut bindings = self.bindings.iter_mut();
        match bindings.find(|binding| binding.role == role && binding.condition.is_none()) {
            Some(binding) => binding.members.push(member.to_owned()),
            None => self.bindings.push(Binding {
                role: role.to_owned(),
                members: vec![member.to_owned()],
                ..Binding::default()
            }),
        }
        // In an older policy version, the conditions of other bindings would be lost.
        if self.bindings.iter().any(|one| one.condition.is_some()) {
            self.version = POLICY_VERSION;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Policy;

    #[test]
    fn conditional_bindings_and_unknown_fields_are_kept() {
        let conditional =
            json!({ "role": "r", "members": ["a"], "condition": { "expression": "x" } });
        let policy = json!({ "version": 1, "etag": "e", "kind": "storage#policy",
            "bindings": [conditional], "auditConfigs": [{ "service": "allServices" }] });
        let mut policy: Policy = serde_json::from_value(policy).unwrap();
        policy.grant("r", "b");
        policy.grant("r", "b");
        policy.grant("r", "c");
        let expected = json!({ "version": 3, "etag": "e", "kind": "storage#policy",
            "bindings": [conditional, { "role": "r", "members": ["b", "c"] }],
            "auditConfigs": [{ "service": "allServices" }] });
        assert_eq!(serde_json::to_value(&policy).unwrap(), expected);
    }
}
