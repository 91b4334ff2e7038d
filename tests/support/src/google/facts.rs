//! The discovery documents of Google's APIs: methods, paths, parameters and schemas.

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::Value;

/// One API: its host, methods and schemas.
#[derive(Debug)]
pub struct Api {
    /// Such as `run.googleapis.com`.
    pub host: &'static str,
    facts: Value,
    methods: Vec<Method>,
}

/// One method of an API.
#[derive(Debug)]
pub struct Method {
    /// Such as `run.projects.locations.services.create`.
    pub id: String,
    verb: String,
    template: String,
    path: String,
    /// Parameters by name.
    pub parameters: Value,
    /// The schema of the body.
    pub request: Option<String>,
    /// The schema of the response.
    pub response: Option<String>,
    takes_uploads: bool,
}

/// A method and the parameters in its path.
#[derive(Clone, Debug)]
pub struct Found {
    /// The API.
    pub api: &'static Api,
    /// The method.
    pub method: &'static Method,
    /// Path parameters, decoded.
    pub path: BTreeMap<String, String>,
    /// Whether the request used the upload path.
    pub is_upload: bool,
}

const SOURCES: [(&str, &str); 16] = [
    (
        "artifactregistry.googleapis.com",
        include_str!("../../fixtures/google-apis/artifactregistry.v1.json"),
    ),
    (
        "billingbudgets.googleapis.com",
        include_str!("../../fixtures/google-apis/billingbudgets.v1.json"),
    ),
    (
        "cloudbilling.googleapis.com",
        include_str!("../../fixtures/google-apis/cloudbilling.v1.json"),
    ),
    (
        "cloudbuild.googleapis.com",
        include_str!("../../fixtures/google-apis/cloudbuild.v1.json"),
    ),
    (
        "cloudkms.googleapis.com",
        include_str!("../../fixtures/google-apis/cloudkms.v1.json"),
    ),
    (
        "cloudresourcemanager.googleapis.com",
        include_str!("../../fixtures/google-apis/cloudresourcemanager.v3.json"),
    ),
    (
        "iam.googleapis.com",
        include_str!("../../fixtures/google-apis/iam.v1.json"),
    ),
    (
        "iamcredentials.googleapis.com",
        include_str!("../../fixtures/google-apis/iamcredentials.v1.json"),
    ),
    (
        "logging.googleapis.com",
        include_str!("../../fixtures/google-apis/logging.v2.json"),
    ),
    (
        "monitoring.googleapis.com",
        include_str!("../../fixtures/google-apis/monitoring.v3.json"),
    ),
    (
        "redis.googleapis.com",
        include_str!("../../fixtures/google-apis/redis.v1.json"),
    ),
    (
        "run.googleapis.com",
        include_str!("../../fixtures/google-apis/run.v2.json"),
    ),
    (
        "run.googleapis.com",
        include_str!("../../fixtures/google-apis/run.v1.json"),
    ),
    (
        "secretmanager.googleapis.com",
        include_str!("../../fixtures/google-apis/secretmanager.v1.json"),
    ),
    (
        "serviceusage.googleapis.com",
        include_str!("../../fixtures/google-apis/serviceusage.v1.json"),
    ),
    (
        "storage.googleapis.com",
        include_str!("../../fixtures/google-apis/storage.v1.json"),
    ),
];

/// Returns all APIs of the stand-in.
pub fn apis() -> &'static [Api] {
    static APIS: OnceLock<Vec<Api>> = OnceLock::new();
    APIS.get_or_init(|| SOURCES.map(|(host, text)| Api::read(host, text)).into())
}

/// Returns true if there is an API at this host.
pub fn is_api(host: &str) -> bool {
    apis().iter().any(|api| api.host == host)
}

/// Returns a schema of the API at this host.
pub fn schema(host: &str, name: &str) -> Option<&'static Value> {
    let versions = apis().iter().filter(|api| api.host == host);
    let mut schemas = versions.map(|api| api.schema(name));
    schemas.find(|schema| !schema.is_null())
}

/// Returns the method for a request to this host, in the version of the API that has it.
pub fn find(host: &str, verb: &str, path: &str) -> Option<Found> {
    let mut versions = apis().iter().filter(|api| api.host == host);
    versions.find_map(|api| api.find(verb, path))
}

impl Api {
    fn read(host: &'static str, text: &str) -> Self {
        let facts: Value = serde_json::from_str(text).expect("facts are JSON");
        let prefix = facts["servicePath"].as_str().unwrap_or_default().to_owned();
        let mut methods = Vec::new();
        collect(&facts, &prefix, &mut methods);
        Self {
            host,
            facts,
            methods,
        }
    }

    /// Returns a schema by name.
    pub fn schema(&self, name: &str) -> &Value {
        &self.facts["schemas"][name]
    }

    /// Returns the parameters that every method accepts.
    pub fn common_parameters(&self) -> &Value {
        &self.facts["parameters"]
    }

    /// Returns the method for a request. `path` has no leading slash and is still encoded.
    fn find(&'static self, verb: &str, path: &str) -> Option<Found> {
        let stripped = ["upload/", "resumable/upload/"]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix));
        let is_upload = stripped.is_some();
        let path = stripped.or(path.strip_prefix("download/")).unwrap_or(path);
        self.methods.iter().find_map(|method| {
            // The pieces of a resumable upload are sent with PUT to the URL that the POST returned.
            let is_piece = is_upload && verb == "PUT" && method.verb == "POST";
            if (method.verb != verb && !is_piece) || (is_upload && !method.takes_uploads) {
                return None;
            }
            let path = method.path_parameters(path)?;
            Some(Found {
                api: self,
                method,
                path,
                is_upload,
            })
        })
    }
}

fn collect(node: &Value, prefix: &str, into: &mut Vec<Method>) {
    for facts in members(&node["methods"]) {
        let text = |name: &str| facts[name].as_str().unwrap_or_default().to_owned();
        let path = format!("{prefix}{}", text("path"));
        let flat = facts["flatPath"]
            .as_str()
            .map(|flat| format!("{prefix}{flat}"));
        into.push(Method {
            id: text("id"),
            verb: text("httpMethod"),
            template: flat.unwrap_or_else(|| path.clone()),
            path,
            parameters: facts["parameters"].clone(),
            request: facts["request"]["$ref"].as_str().map(str::to_owned),
            response: facts["response"]["$ref"].as_str().map(str::to_owned),
            takes_uploads: facts["supportsMediaUpload"] == true,
        });
    }
    for resource in members(&node["resources"]) {
        collect(resource, prefix, into);
    }
}

fn members(node: &Value) -> impl Iterator<Item = &Value> {
    node.as_object()
        .into_iter()
        .flat_map(|object| object.values())
}

impl Method {
    /// Returns the parameters in `path`, or `None` if the path does not match this method.
    fn path_parameters(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let segments: Vec<&str> = path.split('/').collect();
        let wanted: Vec<&str> = self.template.split('/').collect();
        if segments.len() != wanted.len() {
            return None;
        }
        let mut found = BTreeMap::new();
        for (segment, wanted) in segments.iter().zip(wanted) {
            let Some(rest) = wanted.strip_prefix('{') else {
                if *segment != wanted {
                    return None;
                }
                continue;
            };
            let (name, verb) = rest.split_once('}')?;
            let value = segment.strip_suffix(verb)?;
            // A custom verb is not part of a name, but the algorithm of a digest is.
            let plain = value.strip_prefix("sha256:").unwrap_or(value);
            if plain.is_empty() || plain.contains(':') {
                return None;
            }
            found.insert(name.to_owned(), decode(value));
        }
        if let Some((name, value)) = self.whole_name(path) {
            found.insert(name, value);
        }
        Some(found)
    }

    /// Returns the parameter that spans several segments, as in `v2/{+name}:wait`.
    fn whole_name(&self, path: &str) -> Option<(String, String)> {
        let (before, rest) = self.path.split_once("{+")?;
        let (name, after) = rest.split_once('}')?;
        let value = path.strip_prefix(before)?.strip_suffix(after)?;
        Some((name.to_owned(), decode(value)))
    }
}

/// Percent-decodes one segment.
fn decode(text: &str) -> String {
    let plain = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(plain.as_bytes());
    pairs
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}
