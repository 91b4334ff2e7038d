//! What everything is called at Google's.

use serde_json::{Map, Value};

use super::{
    image::digest,
    plan::LABEL,
    settings::{SecretSetting, SecretSource, Settings},
};

/// What says of a secret which service it belongs to: its name alone may fit another one as well.
const SERVICE_LABEL: &str = "mcpo-service";
const REGION_LABEL: &str = "mcpo-region";
/// What says of a made password whether a person has seen it.
pub const SHOWN_LABEL: &str = "mcpo-shown";
/// The label's value until then; afterwards, [`SHOWN`].
pub const NOT_SHOWN: &str = "no";
pub const SHOWN: &str = "yes";
/// What lets the service read a secret.
pub const SECRET_ROLE: &str = "roles/secretmanager.secretAccessor";
/// What says of a service account, which has no labels, that it is ours.
pub const ACCOUNT_DESCRIPTION: &str = "Made by mcpo deploy";
/// What lets the service keep its ledger.
pub const LEDGER_ROLE: &str = "roles/storage.objectUser";

/// APIs that are needed.
pub const APIS: &[&str] = &[
    "artifactregistry.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
];
/// And for a build in the cloud.
pub const BUILD_API: &str = "cloudbuild.googleapis.com";

/// A service account's id has at most this many characters.
const ACCOUNT_LEN: usize = 30;
const BUCKET_LEN: usize = 63;

/// Names that follow from the settings, the project and its number.
#[derive(Clone, Debug)]
pub struct Names {
    pub project: String,
    pub number: u64,
    pub region: String,
    pub service_id: String,
    repository_id: String,
    key: String,
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
        }
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

    /// The image as a package of the repository.
    pub fn package(&self) -> String {
        format!("{}/packages/{}", self.repository(), self.service_id)
    }

    pub fn registry(&self) -> String {
        format!("{}-docker.pkg.dev", self.region)
    }

    /// The image's path in the registry.
    pub fn image(&self) -> String {
        format!(
            "{}/{}/{}",
            self.project, self.repository_id, self.service_id
        )
    }

    /// The id of the account that the service runs as.
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

    pub fn secret_id(&self, variable: &str) -> String {
        format!("{}-{}", self.key, variable.to_lowercase().replace('_', "-"))
    }

    /// The account that the service runs as.
    pub fn account(&self, settings: &Settings) -> String {
        settings
            .service_account
            .clone()
            .unwrap_or_else(|| self.account_email())
    }

    /// The id of the secret that a variable comes from.
    pub fn secret_of(&self, setting: &SecretSetting) -> String {
        match &setting.source {
            SecretSource::Existing { secret, .. } => secret.clone(),
            SecretSource::Local(_) | SecretSource::Made(_) => self.secret_id(&setting.variable),
        }
    }

    pub fn secret(&self, id: &str) -> String {
        format!("projects/{}/secrets/{id}", self.project)
    }

    /// What marks a secret as one of this service.
    pub fn labels(&self) -> Map<String, Value> {
        let label = |name: &str, value: &str| (name.to_owned(), value.into());
        Map::from_iter([
            label(LABEL.0, LABEL.1),
            label(SERVICE_LABEL, &self.service_id),
            label(REGION_LABEL, &self.region),
        ])
    }

    /// Whether something has all of the labels of this service.
    pub fn has_labels(&self, resource: &Value) -> bool {
        let labels = self.labels();
        let mut labels = labels.iter();
        labels.all(|(name, value)| resource["labels"][name] == *value)
    }

    /// Bucket names are everybody's, so the project's number is in them.
    pub fn bucket(&self, purpose: &str) -> String {
        shortened(
            &format!("{}-{}-{purpose}", self.key, self.number),
            BUCKET_LEN,
        )
    }

    /// What the runtime is told about its ledger.
    pub fn ledger(&self) -> String {
        format!("gs://{}", self.bucket("ledger"))
    }

    /// The public address, without a path.
    pub fn base_url(&self, settings: &Settings) -> String {
        settings
            .base_url
            .clone()
            .unwrap_or_else(|| format!("https://{}", self.host()))
    }

    /// The host names by which Cloud Run leads to the service, by comma: the one that is known
    /// before there is a service, and those that an existing service names.
    pub fn hosts(&self, current: Option<&Value>) -> String {
        let mut hosts = vec![self.host()];
        let named = current.into_iter().flat_map(|service| {
            let urls = service["urls"].as_array().into_iter().flatten();
            urls.chain([&service["uri"]])
        });
        for url in named {
            let host = url.as_str().and_then(|url| url.strip_prefix("https://"));
            let host = host.map(|host| host.trim_end_matches('/').to_lowercase());
            if let Some(host) = host.filter(|host| host.ends_with(".run.app"))
                && !hosts.contains(&host)
            {
                hosts.push(host);
            }
        }
        hosts.join(",")
    }

    /// The address of the revision with this tag, without a path.
    pub fn tag_url(&self, tag: &str) -> String {
        format!("https://{tag}---{}", self.host())
    }

    /// Whether a bucket is this project's: its name may be taken by anybody in the world.
    pub fn owns(&self, bucket: &Value) -> bool {
        let number = bucket["projectNumber"].as_str();
        number.and_then(|number| number.parse().ok()) == Some(self.number)
    }

    /// The address that is known before there is a service.
    pub fn host(&self) -> String {
        format!(
            "{}-{}.{}.run.app",
            self.service_id, self.number, self.region
        )
    }
}

/// The name, or its beginning and a digest of the whole.
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
    use super::shortened;

    #[test]
    fn long_names_stay_apart() {
        assert_eq!(shortened("short", 30), "short");
        let one = shortened("mcpo-a-service-with-a-long-name-europe-west1", 30);
        let two = shortened("mcpo-a-service-with-a-long-name-europe-west2", 30);
        assert!(one.len() <= 30 && two.len() <= 30 && one != two);
    }
}
