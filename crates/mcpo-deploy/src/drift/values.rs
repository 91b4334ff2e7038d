//! The settings of a service that mcpo writes, in a form that can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    google::api::{
        Other, last_segment,
        run::{AllocationType, Container, EnvVar, RevisionTemplate, Service, TrafficTarget},
    },
    image::digest,
};

/// The number of hexadecimal digits that are stored of a value's digest.
const DIGITS: usize = 16;

/// The source of a variable. The value itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The beginning of the SHA-256 digest of the value.
    Value(String),
    /// The id of a secret and its version.
    Secret(String, String),
}

impl Source {
    /// Describes the source without the value.
    pub fn describe(&self) -> String {
        match self {
            Self::Value(_) => "a value".to_owned(),
            Self::Secret(id, version) => format!("secret {id}, version {version}"),
        }
    }
}

/// Returns the settings by their paths, such as `scaling.maxInstanceCount`: those of the service, of
/// its template and of the first container, without variables and traffic.
pub fn of(service: &Service) -> BTreeMap<String, Value> {
    let template = service.template.clone().unwrap_or_default();
    let container = template.containers.first().cloned().unwrap_or_default();
    let others: Vec<_> = template.containers.iter().skip(1).cloned().collect();
    let mut passed = service.other.clone();
    passed.extend(service.scaling.clone().map(|it| ("scaling".to_owned(), it)));
    // The omitted fields record who wrote the service, or are compared separately.
    let service = Service {
        client: String::new(),
        client_version: String::new(),
        annotations: BTreeMap::new(),
        traffic: Vec::new(),
        etag: String::new(),
        template: None,
        scaling: None,
        other: Other::new(),
        ..service.clone()
    };
    let mut template = RevisionTemplate {
        revision: String::new(),
        containers: Vec::new(),
        ..template
    };
    let container = Container {
        env: Vec::new(),
        ..container
    };
    let mut settings = BTreeMap::new();
    // Fields of the service and of the template can have the same name.
    for (name, value) in passed {
        add(&format!("service.{name}"), &value, &mut settings);
    }
    for name in ["annotations", "labels"] {
        if let Some(value) = template.other.remove(name) {
            add(&format!("template.{name}"), &value, &mut settings);
        }
    }
    flatten(&service, &mut settings);
    flatten(&template, &mut settings);
    flatten(&container, &mut settings);
    for container in others {
        additional(container, &mut settings);
    }
    settings
}

/// Adds the settings of an additional container. Its variables are compared by digests of their
/// values.
fn additional(mut container: Container, settings: &mut BTreeMap<String, Value>) {
    let Some(name) = container.other.get("name").and_then(Value::as_str) else {
        return;
    };
    let path = format!("containers.{name}");
    for variable in std::mem::take(&mut container.env) {
        let source = serde_json::to_value(source(&variable)).unwrap_or_default();
        add(&format!("{path}.env.{}", variable.name), &source, settings);
    }
    let message = serde_json::to_value(&container).unwrap_or_default();
    add(&path, &message, settings);
}

/// Returns the sources of the variables of the first container.
pub fn variables(service: &Service) -> BTreeMap<String, Source> {
    let variables = service.containers().first().map(|first| &first.env);
    let variables = variables.into_iter().flatten();
    variables
        .map(|variable| (variable.name.clone(), source(variable)))
        .collect()
}

fn source(variable: &EnvVar) -> Source {
    match variable.secret() {
        Some(reference) => {
            let version = match &*reference.version {
                "" => "latest",
                version => version,
            };
            Source::Secret(
                last_segment(&reference.secret).to_owned(),
                version.to_owned(),
            )
        }
        None => {
            let value = variable.value.as_deref().unwrap_or_default();
            let digest = digest(value.as_bytes());
            let digits = digest.trim_start_matches("sha256:").chars().take(DIGITS);
            Source::Value(digits.collect())
        }
    }
}

/// Adds each value that is not an object or a list, by its path.
fn flatten(message: &impl Serialize, settings: &mut BTreeMap<String, Value>) {
    let message = serde_json::to_value(message).unwrap_or_default();
    add("", &message, settings);
}

fn add(path: &str, value: &Value, settings: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                add(&path, value, settings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                add(&format!("{path}[{index}]"), item, settings);
            }
        }
        value => {
            // The labels of the template must not replace those of the service.
            settings
                .entry(path.to_owned())
                .or_insert_with(|| value.clone());
        }
    }
}

/// Returns a value as it is shown. Of an image's digest, the first 12 digits are shown.
pub fn text(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    match text.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@sha256:{}", digest.get(..12).unwrap_or(digest)),
        None => text,
    }
}

/// Returns true if both lists give each revision the same share and the same tags. An empty list
/// means that the latest revision serves all requests.
pub fn are_equal_targets(one: &[TrafficTarget], other: &[TrafficTarget]) -> bool {
    let normalized = |targets: &[TrafficTarget]| {
        let mut shares: BTreeMap<String, i64> = BTreeMap::new();
        let mut tags: BTreeMap<String, String> = BTreeMap::new();
        for target in targets {
            let revision = match target.kind {
                AllocationType::Latest => String::new(),
                _ => target.revision.clone(),
            };
            if !target.tag.is_empty() {
                tags.insert(target.tag.clone(), revision.clone());
            }
            *shares.entry(revision).or_default() += target.percent;
        }
        shares.retain(|_, share| *share > 0);
        if shares.is_empty() {
            shares.insert(String::new(), 100);
        }
        (shares, tags)
    };
    normalized(one) == normalized(other)
}
