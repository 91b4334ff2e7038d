//! Explains refusals of a Cloud KMS key: each of Google's services uses the key with its service agent,
//! which needs a role on it.

use mcpo_common::error::Failure;

/// The role that lets an account use a key.
const KEY_ROLE: &str = "roles/cloudkms.cryptoKeyEncrypterDecrypter";
/// The accounts of Cloud Run, Artifact Registry, Secret Manager, Cloud Storage and Memorystore, without
/// the number of the project: `service-NUMBER@NAME.iam.gserviceaccount.com`.
/// <https://cloud.google.com/iam/docs/service-agents>
const AGENTS: [&str; 5] = [
    "serverless-robot-prod",
    "gcp-sa-artifactregistry",
    "gcp-sa-secretmanager",
    "gs-project-accounts",
    "cloud-redis",
];

/// Adds the commands that grant the role, if the failure is about the key.
pub fn explain(key: Option<&str>, number: u64, failure: Failure) -> Failure {
    let Some(key) = key else {
        return failure;
    };
    // Signing uses another key.
    let is_about_keys = |text: &str| {
        !text.contains("useToSign") && (text.to_lowercase().contains("kms") || text.contains(key))
    };
    let mut texts = failure.causes().iter().map(String::as_str);
    if !texts.any(is_about_keys) {
        return failure;
    }
    let agents = AGENTS.map(|agent| format!("service-{number}@{agent}.iam.gserviceaccount.com"));
    failure.hint(format!(
        "grant {KEY_ROLE} on the key to {}: gcloud kms keys add-iam-policy-binding {key} \
         --member=serviceAccount:EMAIL --role={KEY_ROLE}; an account that does not exist yet is \
         made by: gcloud beta services identity create --service=API",
        agents.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use mcpo_common::error::Failure;

    use super::explain;

    #[test]
    fn only_refusals_of_the_key_are_explained() {
        let key = "projects/p/locations/r/keyRings/a/cryptoKeys/k";
        let refused = |text: &'static str| {
            let failure =
                Failure::new("failed to store the secret").because(&std::io::Error::other(text));
            explain(Some(key), 7, failure)
                .hint_text()
                .map(str::to_owned)
        };
        let hint = refused("Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied").unwrap();
        assert!(
            hint.contains("service-7@gcp-sa-secretmanager.iam.gserviceaccount.com"),
            "{hint}"
        );
        assert_eq!(refused("quota exceeded"), None);
        let signing = "Permission 'cloudkms.cryptoKeyVersions.useToSign' denied";
        assert_eq!(refused(signing), None);
    }
}
