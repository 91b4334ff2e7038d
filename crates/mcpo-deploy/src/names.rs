//! The names of all Google Cloud resources of a service.

use crate::{
    google::api::{Labels, run::Service, storage::Bucket},
    image::digest,
    labels::{LABEL, PREVIEW_LABEL, REGION_LABEL, SERVICE_LABEL},
    settings::{SecretSetting, SecretSource, Settings},
};

/// The role that lets the service read a secret.
pub const SECRET_ROLE: &str = "roles/secretmanager.secretAccessor";
/// The description that marks a service account as created by mcpo. Service accounts have no
/// labels.
pub const ACCOUNT_DESCRIPTION: &str = "Made by mcpo deploy";
/// The role that lets the service write its ledger.
pub const LEDGER_ROLE: &str = "roles/storage.objectUser";

/// The role that lets the service connect to Cloud SQL.
pub const SQL_ROLE: &str = "roles/cloudsql.client";

/// The APIs that every deployment needs.
pub const APIS: &[&str] = &[
    "artifactregistry.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
];
/// The additional API of a remote build.
pub const BUILD_API: &str = "cloudbuild.googleapis.com";
/// The additional API of an uptime check.
pub const MONITORING_API: &str = "monitoring.googleapis.com";
/// The additional APIs of a budget.
pub const BUDGET_APIS: [&str; 2] = [
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
];
/// The additional APIs of a service that connects to Cloud SQL.
pub const SQL_APIS: [&str; 2] = [
    "cloudresourcemanager.googleapis.com",
    "sqladmin.googleapis.com",
];
/// The additional API of services with a policy of Binary Authorization.
pub const BINARY_AUTHORIZATION_API: &str = "binaryauthorization.googleapis.com";

/// Separates the tag of a preview in the ids of secrets. Ids of other secrets have no underscore.
const PREVIEW_INFIX: &str = "_preview-";

/// The maximum length of a service account id, in characters.
const ACCOUNT_LEN: usize = 30;
const BUCKET_LEN: usize = 63;
/// The maximum length of a Memorystore instance's name, in characters.
const INSTANCE_LEN: usize = 40;
/// The maximum length of a label in a host name, in characters (RFC 1035 §2.3.4).
const LABEL_LEN: usize = 63;

/// A host name whose first label is too long.
#[derive(Debug)]
pub struct LongHost {
    pub host: String,
    /// The length of the label in characters.
    pub length: usize,
}

/// Names derived from the settings, the project and the project number.
#[derive(Clone, Debug)]
pub struct Names {
    pub project: String,
    pub number: u64,
    pub region: String,
    pub service_id: String,
    repository_id: String,
    key: String,
    /// The tag of the preview that these names are for; `None`: the service itself.
    preview: Option<String>,
}

impl Names {
    pub fn new(settings: &Settings, project: &str, number: u64) -> Self {
        Self {
            project: project.to_owned(),
            number,
            region: settings.region.clone(),
            service_id: settings.service.clone(),
            repository_id: settings.repository.clone(),
            key: settings.key(),
            preview: None,
        }
    }

    /// Returns the names for a preview with this tag. The preview shares the account, the bucket, the
    /// repository and the secrets that it does not replace.
    #[must_use]
    pub fn for_preview(self, tag: &str) -> Self {
        Self {
            preview: Some(tag.to_owned()),
            ..self
        }
    }

    /// Returns the tag of the preview that these names are for.
    pub fn preview(&self) -> Option<&str> {
        self.preview.as_deref()
    }

    /// `projects/P/locations/R`
    pub fn location(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.region)
    }

    pub fn service(&self) -> String {
        format!("{}/services/{}", self.location(), self.service_id)
    }

    pub fn repository_id(&self) -> &str {
        &self.repository_id
    }

    pub fn repository(&self) -> String {
        format!("{}/repositories/{}", self.location(), self.repository_id)
    }

    /// Returns the image's package in the repository.
    pub fn package(&self) -> String {
        format!("{}/packages/{}", self.repository(), self.service_id)
    }

    pub fn registry(&self) -> String {
        format!("{}-docker.pkg.dev", self.region)
    }

    /// Returns the image's path in the registry.
    pub fn image(&self) -> String {
        format!(
            "{}/{}/{}",
            self.project, self.repository_id, self.service_id
        )
    }

    /// Returns the id of the service account that mcpo creates for the service.
    pub fn account_id(&self) -> String {
        shortened(&format!("mcpo-{}", self.key), ACCOUNT_LEN)
    }

    pub fn account_email(&self) -> String {
        format!(
            "{}@{}.iam.gserviceaccount.com",
            self.account_id(),
            self.project
        )
    }

    /// Returns the short name of the Memorystore instance that mcpo creates for the ledger.
    pub fn instance_id(&self) -> String {
        shortened(&format!("{}-ledger", self.key), INSTANCE_LEN)
    }

    /// Returns the id of the secret that mcpo creates for a variable.
    pub fn secret_id(&self, variable: &str) -> String {
        let shared = self.shared_secret_id(variable);
        match &self.preview {
            // Without the underscore, the id could be that of another variable of the service.
            Some(tag) => format!("{shared}{PREVIEW_INFIX}{tag}"),
            None => shared,
        }
    }

    /// Returns the id of the service's secret, which a preview may share.
    fn shared_secret_id(&self, variable: &str) -> String {
        format!("{}-{}", self.key, variable.to_lowercase().replace('_', "-"))
    }

    /// Returns the email of the account that the service runs as.
    pub fn account(&self, settings: &Settings) -> String {
        settings
            .service_account
            .clone()
            .unwrap_or_else(|| self.account_email())
    }

    /// Returns the id of the secret that provides the variable.
    pub fn secret_of(&self, setting: &SecretSetting) -> String {
        match &setting.source {
            SecretSource::Existing { secret, .. } => secret.clone(),
            // A value that is known on this machine may differ from the service's. A preview must not
            // replace the service's value.
            SecretSource::Local(Some(_)) | SecretSource::Generated(_) => {
                self.secret_id(&setting.variable)
            }
            SecretSource::Local(None) | SecretSource::Instance => {
                self.shared_secret_id(&setting.variable)
            }
        }
    }

    pub fn secret(&self, id: &str) -> String {
        format!("projects/{}/secrets/{id}", self.project)
    }

    /// Returns the labels that mark a secret as belonging to this service.
    pub fn labels(&self) -> Labels {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Labels::from([
            label(LABEL.0, LABEL.1),
            label(SERVICE_LABEL, &self.service_id),
            label(REGION_LABEL, &self.region),
        ])
    }

    /// Returns the labels of a secret with this id: those of the service, and that of the preview if
    /// it was made for one.
    pub fn labels_of_secret(&self, id: &str) -> Labels {
        let mut labels = self.labels();
        if let Some(tag) = &self.preview
            && id.ends_with(&format!("{PREVIEW_INFIX}{tag}"))
        {
            labels.insert(PREVIEW_LABEL.to_owned(), tag.clone());
        }
        labels
    }

    /// Returns true if a resource's labels include all labels of this service.
    pub fn are_labels_of_service(&self, labels: &Labels) -> bool {
        let ours = self.labels();
        ours.iter()
            .all(|(name, value)| labels.get(name) == Some(value))
    }

    /// Returns a bucket name. Bucket names are global, so the name contains the project number.
    pub fn bucket(&self, purpose: &str) -> String {
        shortened(
            &format!("{}-{}-{purpose}", self.key, self.number),
            BUCKET_LEN,
        )
    }

    /// Returns the ledger's URL for the runtime.
    pub fn ledger(&self) -> String {
        format!("gs://{}", self.bucket("ledger"))
    }

    /// Returns the public URL, without a path.
    pub fn base_url(&self, settings: &Settings) -> String {
        let configured = settings.base_url.clone();
        configured.unwrap_or_else(|| format!("https://{}", self.public_host()))
    }

    /// Returns the deterministic host name of the service or of the preview.
    pub fn public_host(&self) -> String {
        self.tagged(self.host())
    }

    /// Returns the host name of the preview, if these names are for one.
    fn tagged(&self, host: String) -> String {
        match &self.preview {
            Some(tag) => format!("{tag}---{host}"),
            None => host,
        }
    }

    /// Returns the host names of the service except the one in `BASE_URL`, separated by commas: the
    /// deterministic one of Cloud Run, those that an existing service lists, and former domains.
    pub fn hosts(&self, settings: &Settings, current: Option<&Service>) -> String {
        let mut hosts = vec![self.host()];
        let named = current
            .into_iter()
            .flat_map(|service| service.urls.iter().chain([&service.uri]));
        for url in named {
            let host = url.strip_prefix("https://");
            let host = host.map(|host| host.trim_end_matches('/').to_lowercase());
            if let Some(host) = host.filter(|host| host.ends_with(".run.app"))
                && !hosts.contains(&host)
            {
                hosts.push(host);
            }
        }
        let is_other =
            |host: &&String| !hosts.contains(host) && settings.domain.as_ref() != Some(*host);
        let former: Vec<_> = settings
            .former_domains
            .iter()
            .filter(is_other)
            .cloned()
            .collect();
        // Domains lead to the service and never to a preview.
        if self.preview.is_some() {
            let hosts: Vec<_> = hosts.into_iter().map(|host| self.tagged(host)).collect();
            return hosts.join(",");
        }
        hosts.extend(former);
        hosts.join(",")
    }

    /// Returns the URL of the revision with this tag, without a path.
    pub fn tag_url(&self, tag: &str) -> String {
        format!("https://{tag}---{}", self.host())
    }

    /// Returns the host name of the service or of a tag. Fails with the length of its first label,
    /// which may have at most 63 characters (RFC 1035 §2.3.4).
    pub fn checked_host(&self, tag: Option<&str>) -> Result<String, LongHost> {
        let host = match tag {
            Some(tag) => format!("{tag}---{}", self.host()),
            None => self.host(),
        };
        let length = host.split('.').next().unwrap_or_default().len();
        if length <= LABEL_LEN {
            Ok(host)
        } else {
            Err(LongHost { host, length })
        }
    }

    /// Returns how many characters the tag in a host name may have.
    pub fn room_for_tag(&self) -> usize {
        let host = self.tag_url("");
        let label = host.trim_start_matches("https://").split('.').next();
        LABEL_LEN.saturating_sub(label.map_or(LABEL_LEN, str::len))
    }

    /// Returns true if the bucket belongs to this project. Bucket names are global, so another
    /// project may have taken the name.
    pub fn owns(&self, bucket: &Bucket) -> bool {
        bucket.project_number.map(|number| number.0) == Some(self.number)
    }

    /// Returns the deterministic host name, which is known before the service exists.
    pub fn host(&self) -> String {
        format!(
            "{}-{}.{}.run.app",
            self.service_id, self.number, self.region
        )
    }
}

/// Shortens a name to `limit` characters: its beginning and a digest of the whole name.
fn shortened(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let digest = digest(name.as_bytes());
    let hash = &digest["sha256:".len()..][..8];
    let begin = name.get(..limit - 9).unwrap_or(name).trim_end_matches('-');
    format!("{begin}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::{Names, shortened};

    #[test]
    fn first_label_of_a_host_has_at_most_63_characters() {
        let names = Names {
            project: "p".to_owned(),
            number: 123_456_789_012,
            region: "europe-west1".to_owned(),
            service_id: "s".repeat(43),
            repository_id: "mcpo".to_owned(),
            key: "k".to_owned(),
            preview: None,
        };
        // 43 characters, a hyphen and 12 digits; the tag adds its length and 3 hyphens.
        assert!(names.checked_host(None).is_ok());
        assert!(names.checked_host(Some("next")).is_ok());
        let long = names.checked_host(Some("green")).unwrap_err();
        assert_eq!(long.length, 64);
        assert!(long.host.starts_with("green---sss"), "{}", long.host);
    }

    #[test]
    fn shortened_names_stay_distinct() {
        assert_eq!(shortened("short", 30), "short");
        let one = shortened("mcpo-a-service-with-a-long-name-europe-west1", 30);
        let two = shortened("mcpo-a-service-with-a-long-name-europe-west2", 30);
        assert!(one.len() <= 30 && two.len() <= 30 && one != two);
    }
}
