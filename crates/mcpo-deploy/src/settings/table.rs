//! The table `[package.metadata.mcpo]` in Cargo.toml.

use std::collections::BTreeMap;

use mcpo_common::{
    error::{Failure, Outcome},
    project::Environment,
    secret::Secret,
};
use serde::Deserialize;
use serde_json::Value;

use super::{SecretSetting, SecretSource, environments::Environments};
use crate::google::api::secret_manager::{self, CustomerManagedEncryption, Replica};

/// All accepted keys.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Table {
    pub service: Option<String>,
    pub project: Option<String>,
    pub region: Option<String>,
    pub repository: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub min_instances: Option<u32>,
    pub max_instances: Option<u32>,
    pub concurrency: Option<u32>,
    pub timeout_seconds: Option<u32>,
    pub env: BTreeMap<String, String>,
    pub secrets: Secrets,
    pub secret_replication: Option<Replication>,
    pub ledger: Option<String>,
    pub service_account: Option<String>,
    pub ingress: Option<Ingress>,
    pub labels: BTreeMap<String, String>,
    pub base_url: Option<String>,
    pub domain: Option<String>,
    pub former_domains: Vec<String>,
    pub private: bool,
    pub features: Vec<String>,
    pub default_features: Option<bool>,
    pub release_steps: Option<Vec<u8>>,
    pub preview_max_age_days: Option<u32>,
    pub keep_revisions: Option<KeepRevisions>,
    pub budget: Option<String>,
    pub uptime_check: bool,
    pub alert_email: Option<String>,
    pub network: Option<String>,
    pub subnetwork: Option<String>,
    pub network_tags: Vec<String>,
    pub egress: Option<Egress>,
    pub cloud_sql: Vec<String>,
    pub encryption_key: Option<String>,
    pub cloud_run: Option<Value>,
    /// The name of the service in the selected environment, if the environment does not set one.
    #[serde(skip)]
    pub environment_service: Option<String>,
    pub sbom: Option<bool>,
    pub provenance: Option<bool>,
    pub sign: Option<String>,
    pub binary_authorization: Option<String>,
}

/// The number of revisions to keep.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number from 1 to 1000, or \"all\"")]
pub enum KeepRevisions {
    Newest(u16),
    All(All),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum All {
    All,
}

impl KeepRevisions {
    /// Returns the number, or `None` for all.
    pub fn number(self) -> Option<usize> {
        match self {
            Self::Newest(number) => Some(number.into()),
            Self::All(All::All) => None,
        }
    }
}

/// The networks that can reach the service.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ingress {
    #[default]
    All,
    Internal,
    InternalAndLoadBalancer,
}

impl Ingress {
    /// Returns the value in Cloud Run's API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "INGRESS_TRAFFIC_ALL",
            Self::Internal => "INGRESS_TRAFFIC_INTERNAL_ONLY",
            Self::InternalAndLoadBalancer => "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
        }
    }
}

/// Which requests of the service go through the network.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    PrivateRangesOnly,
    AllTraffic,
}

/// Where Secret Manager stores the values of new secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// In regions that Google chooses.
    #[default]
    Automatic,
    /// In the service's region only.
    Region,
}

impl Replication {
    /// Returns the API's `Replication` for a service in this region. `key` encrypts the values; it
    /// must be in the same location as they are.
    pub fn for_region(self, region: &str, key: Option<&str>) -> secret_manager::Replication {
        match self {
            Self::Automatic => secret_manager::Replication::Automatic {},
            Self::Region => secret_manager::Replication::UserManaged {
                replicas: vec![Replica {
                    location: region.to_owned(),
                    customer_managed_encryption: key.map(|key| CustomerManagedEncryption {
                        kms_key_name: key.to_owned(),
                    }),
                }],
            },
        }
    }
}

/// Either `["NAME", …]`: values from the shell or `.env`; or `{ NAME = "secret:version" }`:
/// existing secrets. An empty string in the second form means the shell or `.env`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Secrets {
    Names(Vec<String>),
    Sources(BTreeMap<String, String>),
}

impl Default for Secrets {
    fn default() -> Self {
        Self::Names(Vec::new())
    }
}

impl Table {
    /// Reads the settings of an environment, or those without an environment. Mistakes in other
    /// environments are reported too, before someone needs them.
    pub fn read(metadata: &Value, package: &str, environment: Option<&str>) -> Outcome<Self> {
        let environments = Environments::read(metadata.get("mcpo").unwrap_or(&Value::Null));
        let base = parsed(environments.base(), "")?;
        for name in environments.names() {
            parsed(environments.settings_of(name)?, name)?;
        }
        let Some(name) = environment else {
            return Ok(base);
        };
        Ok(Self {
            environment_service: Some(environments.service_of(name, package)),
            ..parsed(environments.settings_of(name)?, name)?
        })
    }
}

/// Reads the settings of an environment, or those without an environment if `environment` is empty.
fn parsed(table: Value, environment: &str) -> Outcome<Table> {
    serde_json::from_value(table).map_err(|error| {
        let header = match environment {
            "" => "[package.metadata.mcpo]".to_owned(),
            name => format!("[package.metadata.mcpo.env.{name}]"),
        };
        Failure::new(format!("failed to read {header} in Cargo.toml")).because(&error)
    })
}

impl Secrets {
    pub fn into_settings(self, environment: &Environment) -> Vec<SecretSetting> {
        let local = |variable: String| {
            let value = environment.get(&variable).map(Secret::new);
            SecretSetting {
                source: SecretSource::Local(value),
                variable,
            }
        };
        match self {
            Self::Names(names) => names.into_iter().map(local).collect(),
            Self::Sources(sources) => sources
                .into_iter()
                .map(|(variable, source)| {
                    if source.is_empty() {
                        return local(variable);
                    }
                    let (secret, version) = match source.split_once(':') {
                        Some((secret, version)) => (secret.to_owned(), Some(version.to_owned())),
                        None => (source, None),
                    };
                    SecretSetting {
                        variable,
                        source: SecretSource::Existing { secret, version },
                    }
                })
                .collect(),
        }
    }
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(source)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
