//! Builds the wanted service in the format of Cloud Run's API.

use std::collections::BTreeMap;

use super::{diff::template_differs, fields::lay_over};
use crate::{
    google::api::{
        Labels, last_segment,
        run::{
            BinaryAuthorization, Container, ContainerPort, EnvVar, EnvVarSource, HttpGetAction,
            Probe, ResourceRequirements, RevisionScaling, RevisionTemplate, SecretKeySelector,
            Service,
        },
    },
    labels::{LABEL, PREVIEW_LABEL},
    last_write::CLIENT,
    names::Names,
    settings::{BinaryAuthorizationPolicy, Ledger, Settings, SignIn},
};

/// The variable with the service's other host names, for the runtime.
pub const HOSTS: &str = "MCPO_HOSTS";

/// Returns the field mask of an update; all other fields of the service stay as they are. `passed`
/// are the names of the service's own fields that settings pass through.
pub fn managed_mask(passed: &[String]) -> String {
    let managed = "template,labels,annotations,client,clientVersion,functionalType,\
                   invokerIamDisabled,ingress,binaryAuthorization,traffic";
    let passed = passed.iter().map(|name| format!(",{name}"));
    format!("{managed}{}", passed.collect::<String>())
}

/// The secret and the version that provide each variable.
#[derive(Clone, Debug, Default)]
pub struct Versions(BTreeMap<String, (String, String)>);

impl Versions {
    pub fn set(&mut self, variable: &str, secret: &str, version: &str) {
        self.0
            .insert(variable.to_owned(), (secret.to_owned(), version.to_owned()));
    }
}

/// Describes the source of a container's variable without its value.
pub fn variable_source(variable: &EnvVar) -> String {
    match variable.secret() {
        Some(reference) if reference.version == "new" => {
            format!("secret {}, a new version", reference.secret)
        }
        Some(reference) => {
            let id = last_segment(&reference.secret);
            let version = match &*reference.version {
                "" => "latest",
                version => version,
            };
            format!("secret {id}, version {version}")
        }
        None => "a value".to_owned(),
    }
}

/// Returns the secret version that a revision uses for a variable.
pub fn pinned<'a>(containers: &'a [Container], variable: &str, id: &str) -> Option<&'a str> {
    let reference = find_variable(containers, variable)?.secret()?;
    if last_segment(&reference.secret) != id {
        return None;
    }
    // An alias can point to another version later.
    let is_number = reference.version.parse::<u64>().is_ok();
    is_number.then_some(reference.version.as_str())
}

fn find_variable<'a>(containers: &'a [Container], name: &str) -> Option<&'a EnvVar> {
    let mut variables = containers.first()?.env.iter();
    variables.find(|variable| variable.name == name)
}

/// Returns the wanted service.
///
/// Cloud Run reports the second host name of a service only after the service exists. The next
/// revision includes that name; the name alone is no reason to create a revision.
pub fn service(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    current: Option<&Service>,
) -> Service {
    let wanted = of_service(settings, names, image, versions, current);
    match names.preview() {
        Some(tag) => of_preview(wanted, tag),
        None => wanted,
    }
}

/// Keeps only the template, with the label of the preview. A preview must not change the settings of
/// the service.
fn of_preview(wanted: Service, tag: &str) -> Service {
    let mut template = wanted.template.unwrap_or_default();
    template
        .labels
        .insert(PREVIEW_LABEL.to_owned(), tag.to_owned());
    Service {
        client: wanted.client,
        client_version: wanted.client_version,
        template: Some(template),
        ..Service::default()
    }
}

fn of_service(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    current: Option<&Service>,
) -> Service {
    let hosts = names.hosts(settings, current);
    let with_hosts = |hosts: &str| {
        let service = with_hosts(settings, names, image, versions, hosts);
        lay_over(service, &settings.fields, current)
    };
    let wanted = with_hosts(&hosts);
    let before = |current: &Service| {
        let variable = find_variable(current.containers(), HOSTS)?;
        variable.value.clone()
    };
    let Some((current, before)) = current.and_then(|current| Some((current, before(current)?)))
    else {
        return wanted;
    };
    let is_learned = before.starts_with(&names.public_host())
        && before != hosts
        && chosen_hosts(&before).eq(chosen_hosts(&hosts));
    let kept = with_hosts(&before);
    if is_learned && !template_differs(current, &kept) {
        return kept;
    }
    wanted
}

/// Returns the hosts of a list that the settings name; the others are assigned by Cloud Run.
fn chosen_hosts(hosts: &str) -> impl Iterator<Item = &str> {
    let hosts = hosts.split(',');
    hosts.filter(|host| !host.ends_with(".run.app"))
}

/// Returns the fields to write.
fn with_hosts(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    hosts: &str,
) -> Service {
    let mut labels = settings.labels.clone();
    labels.insert(LABEL.0.to_owned(), LABEL.1.to_owned());
    Service {
        client: CLIENT.to_owned(),
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        // Marks the service as an MCP server in Google's consoles and registries.
        functional_type: "FUNCTIONAL_TYPE_MCP_SERVER".to_owned(),
        labels,
        ingress: settings.ingress.to_owned(),
        // Also works where an organization policy forbids `allUsers`.
        invoker_iam_disabled: Some(!settings.is_private),
        binary_authorization: binary_authorization(settings),
        template: Some(RevisionTemplate {
            service_account: names.account(settings),
            timeout: format!("{}s", settings.timeout_seconds),
            max_instance_request_concurrency: Some(settings.concurrency),
            execution_environment: execution_environment(settings).to_owned(),
            // Sessions of the older protocol live in one instance.
            session_affinity: Some(true),
            scaling: Some(RevisionScaling {
                min_instance_count: Some(settings.min_instances),
                max_instance_count: Some(settings.max_instances),
                ..RevisionScaling::default()
            }),
            containers: vec![container(settings, names, image, versions, hosts)],
            ..RevisionTemplate::default()
        }),
        ..Service::default()
    }
}

/// Returns the policy that the settings name; `None` keeps the current one.
fn binary_authorization(settings: &Settings) -> Option<BinaryAuthorization> {
    let policy = settings.supply_chain.binary_authorization.as_ref()?;
    Some(match policy {
        BinaryAuthorizationPolicy::Default => BinaryAuthorization {
            use_default: true,
            ..BinaryAuthorization::default()
        },
        BinaryAuthorizationPolicy::Named(name) => BinaryAuthorization {
            policy: name.clone(),
            ..BinaryAuthorization::default()
        },
    })
}

fn container(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    hosts: &str,
) -> Container {
    let limits = [("cpu", &settings.cpu), ("memory", &settings.memory)];
    Container {
        image: image.to_owned(),
        ports: vec![ContainerPort {
            name: "http1".to_owned(),
            number: 8080,
            ..ContainerPort::default()
        }],
        resources: Some(ResourceRequirements {
            limits: Labels::from(limits.map(|(name, limit)| (name.to_owned(), limit.clone()))),
            // Setting any resource limit removes this default.
            cpu_idle: Some(true),
            startup_cpu_boost: Some(true),
            ..ResourceRequirements::default()
        }),
        startup_probe: Some(Probe {
            http_get: Some(HttpGetAction {
                path: "/health".to_owned(),
                ..HttpGetAction::default()
            }),
            period_seconds: Some(1),
            timeout_seconds: Some(1),
            failure_threshold: Some(60),
            ..Probe::default()
        }),
        env: environment(settings, names, versions, hosts),
        ..Container::default()
    }
}

/// Returns the variables in the order of their names.
fn environment(
    settings: &Settings,
    names: &Names,
    versions: &Versions,
    hosts: &str,
) -> Vec<EnvVar> {
    let mut variables: BTreeMap<&str, EnvVar> = BTreeMap::new();
    let value = |value: &str| EnvVar {
        value: Some(value.to_owned()),
        ..EnvVar::default()
    };
    for (name, text) in &settings.env {
        variables.insert(name, value(text));
    }
    variables.insert("BASE_URL", value(&names.base_url(settings)));
    variables.insert(HOSTS, value(hosts));
    let ledger = match &settings.ledger {
        Ledger::Bucket => Some(names.ledger()),
        Ledger::Named(name) => Some(name.clone()),
        Ledger::Secret | Ledger::Memorystore(_) => None,
    };
    if let Some(ledger) = ledger {
        variables.insert("MCPO_LEDGER", value(&ledger));
    }
    if matches!(settings.ledger, Ledger::Memorystore(_)) {
        // The instance has no TLS: rustls does not accept its certificate, see the architecture page.
        variables.insert("MCPO_LEDGER_PLAINTEXT", value("1"));
    }
    if settings.sign_in == SignIn::OpenToAnyone {
        variables.insert("MCPO_OPEN_TO_ANYONE", value("1"));
    }
    for (variable, (secret, version)) in &versions.0 {
        let reference = SecretKeySelector {
            secret: secret.clone(),
            version: version.clone(),
            ..SecretKeySelector::default()
        };
        let source = EnvVarSource {
            secret_key_ref: Some(reference),
            ..EnvVarSource::default()
        };
        let variable_from_secret = EnvVar {
            value_source: Some(source),
            ..EnvVar::default()
        };
        variables.insert(variable, variable_from_secret);
    }
    variables
        .into_iter()
        .map(|(name, variable)| EnvVar {
            name: name.to_owned(),
            ..variable
        })
        .collect()
}

/// Returns the execution environment. The second generation starts faster but needs a whole CPU.
fn execution_environment(settings: &Settings) -> &'static str {
    let is_whole = settings.cpu.parse::<f64>().is_ok_and(|cpu| cpu >= 1.0);
    if is_whole {
        "EXECUTION_ENVIRONMENT_GEN2"
    } else {
        "EXECUTION_ENVIRONMENT_GEN1"
    }
}
