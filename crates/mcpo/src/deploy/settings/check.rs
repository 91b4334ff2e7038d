//! What is wrong with settings, as far as that can be seen without asking anybody.

use super::{
    KEY_RING, LEDGER, PASSWORD, SecretSource, Settings, SignIn,
    regions::{REGIONS, nearest},
};
use crate::error::Failure;

/// Cloud Run's own limit.
const SERVICE_LEN: usize = 49;
const LABEL_LEN: usize = 63;
/// In MiB, for an instance of the second generation.
const LEAST_MEMORY: u32 = 512;
/// Set by Cloud Run, or by us.
const RESERVED: &[&str] = &[
    "K_CONFIGURATION",
    "K_REVISION",
    "K_SERVICE",
    "MCPO_OPEN_TO_ANYONE",
    "PORT",
];
/// Values that are never to be seen in a configuration.
const SECRETS: &[&str] = &[
    KEY_RING,
    PASSWORD,
    "ADMIN_PASSWORD_HASH",
    "GITHUB_CLIENT_SECRET",
    "MCPO_CLIENTS",
    "OIDC_CLIENT_SECRET",
];

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    what: String,
    hint: Option<String>,
}

impl Problem {
    pub fn new(what: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            what: what.into(),
            hint: hint.map(str::to_owned),
        }
    }

    pub fn line(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.what),
            None => self.what.clone(),
        }
    }

    pub fn into_failure(self) -> Failure {
        let failure = Failure::new(self.what);
        match self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// Adds everything that is wrong.
pub fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    check_names(settings, problems);
    check_features(settings, problems);
    check_size(settings, problems);
    check_environment(settings, problems);
    check_labels(settings, problems);
    if let Some(url) = &settings.base_url
        && !is_public_origin(url)
    {
        let hint = "for example https://mcp.example.com";
        problems.push(Problem::new(
            format!("base-url {url:?} is not https://HOST"),
            Some(hint),
        ));
    }
    if settings.is_private && settings.sign_in == SignIn::OpenToAnyone {
        problems.push(Problem::new(
            "a private service cannot be open to anyone",
            None,
        ));
    }
}

fn check_names(settings: &Settings, problems: &mut Vec<Problem>) {
    let region = settings.region.as_str();
    if region.is_empty() {
        let hint = "mcpo deploy europe-west1";
        problems.push(Problem::new("no region is given", Some(hint)));
    } else if !REGIONS.contains(&region) {
        let near = nearest(region).unwrap_or("europe-west1");
        let hint = format!("did you mean {near}?");
        problems.push(Problem::new(
            format!("there is no region {region:?}"),
            Some(&hint),
        ));
    }
    let service = settings.service.as_str();
    if service.len() > SERVICE_LEN {
        let what = format!(
            "the service's name {service:?} has {} characters",
            service.len()
        );
        problems.push(Problem::new(
            what,
            Some("Cloud Run allows 49; choose another with --service"),
        ));
    } else if !is_label(service) {
        let what = format!("{service:?} cannot be the name of a service");
        let hint =
            "lower-case letters, digits and hyphens, a letter first; choose one with --service";
        problems.push(Problem::new(what, Some(hint)));
    }
    if !is_label(&settings.repository) || settings.repository.len() > LABEL_LEN {
        let what = format!(
            "{:?} cannot be the name of a repository",
            settings.repository
        );
        problems.push(Problem::new(
            what,
            Some("lower-case letters, digits and hyphens"),
        ));
    }
    if let Some(project) = &settings.project
        && !(is_label(project) && (6..=30).contains(&project.len()))
    {
        let what = format!("{project:?} is not the id of a project");
        let hint = "6 to 30 lower-case letters, digits and hyphens; its id, not its display name";
        problems.push(Problem::new(what, Some(hint)));
    }
    if let Some(account) = &settings.service_account
        && !account.ends_with(".gserviceaccount.com")
    {
        let hint = "NAME@PROJECT.iam.gserviceaccount.com";
        problems.push(Problem::new(
            format!("{account:?} is not a service account"),
            Some(hint),
        ));
    }
}

fn check_features(settings: &Settings, problems: &mut Vec<Problem>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/+".contains(c);
    let features = settings.features.named.iter();
    for feature in features.filter(|feature| !feature.chars().all(plain)) {
        let what = format!("{feature:?} cannot be the name of a feature");
        problems.push(Problem::new(what, None));
    }
}

fn check_size(settings: &Settings, problems: &mut Vec<Problem>) {
    let cpu = match settings.cpu.strip_suffix('m') {
        Some(thousandths) => thousandths.parse::<f64>().map(|cpu| cpu / 1000.0),
        None => settings.cpu.parse(),
    };
    match &cpu {
        Ok(cpu) if [1.0, 2.0, 4.0, 6.0, 8.0].contains(cpu) => {}
        Ok(cpu) if (0.08..1.0).contains(cpu) => {
            if settings.concurrency != 1 {
                let what = format!("cpu {} needs concurrency = 1", settings.cpu);
                problems.push(Problem::new(
                    what,
                    Some("or a whole CPU, which costs nothing while idle"),
                ));
            }
        }
        _ => {
            let what = format!("cpu {:?} is not to be had", settings.cpu);
            problems.push(Problem::new(what, Some("0.08 to 1, 2, 4, 6 or 8")));
        }
    }
    let number = settings
        .memory
        .trim_end_matches("Mi")
        .trim_end_matches("Gi");
    if number.len() + 2 != settings.memory.len() || number.parse::<u32>().is_err() {
        let what = format!("memory {:?} is not a size", settings.memory);
        problems.push(Problem::new(what, Some("for example 512Mi or 1Gi")));
    }
    let mebibytes = match settings.memory.strip_suffix("Gi") {
        Some(gibibytes) => gibibytes
            .parse::<u32>()
            .map(|size| size.saturating_mul(1024)),
        None => settings.memory.trim_end_matches("Mi").parse(),
    };
    if cpu.is_ok_and(|cpu| cpu >= 1.0) && mebibytes.is_ok_and(|size| size < LEAST_MEMORY) {
        let what = format!("memory {} is too little", settings.memory);
        problems.push(Problem::new(
            what,
            Some("a whole CPU comes with at least 512Mi"),
        ));
    }
    if settings.max_instances == 0 || settings.min_instances > settings.max_instances {
        let what = format!(
            "min-instances {} and max-instances {} do not go together",
            settings.min_instances, settings.max_instances
        );
        problems.push(Problem::new(what, None));
    }
    if !(1..=1000).contains(&settings.concurrency) {
        problems.push(Problem::new("concurrency has to be 1 to 1000", None));
    }
    if !(1..=3600).contains(&settings.timeout_seconds) {
        problems.push(Problem::new("timeout-seconds has to be 1 to 3600", None));
    }
}

fn check_environment(settings: &Settings, problems: &mut Vec<Problem>) {
    let secrets = settings
        .secrets
        .iter()
        .map(|secret| secret.variable.as_str());
    for name in settings.env.keys().map(String::as_str).chain(secrets) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(plain)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            problems.push(Problem::new(
                format!("{name:?} cannot be the name of a variable"),
                None,
            ));
        }
        if RESERVED.contains(&name) {
            problems.push(Problem::new(format!("{name} is not yours to set"), None));
        }
        if name == "BASE_URL" {
            problems.push(Problem::new(
                "BASE_URL is set by deploy",
                Some("write base-url = \"https://…\""),
            ));
        }
        if name == LEDGER && settings.env.contains_key(name) {
            problems.push(Problem::new(
                "MCPO_LEDGER is set by deploy",
                Some("write ledger = \"…\""),
            ));
        }
    }
    for name in settings
        .env
        .keys()
        .filter(|name| SECRETS.contains(&name.as_str()))
    {
        let hint = format!("write secrets = [{name:?}] and set it in .env or in the shell");
        problems.push(Problem::new(
            format!("{name} is a secret and stands in env"),
            Some(&hint),
        ));
    }
    for secret in &settings.secrets {
        if settings.env.contains_key(&secret.variable) {
            let what = format!("{} stands in env and in secrets", secret.variable);
            problems.push(Problem::new(what, None));
        }
        if let SecretSource::Existing {
            secret: id,
            version,
        } = &secret.source
        {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            let is_number = version
                .as_ref()
                .is_none_or(|version| version.parse::<u32>().is_ok());
            if !id.chars().all(plain) || !is_number {
                let what = format!("{id:?} is not the name of a secret");
                problems.push(Problem::new(
                    what,
                    Some("SECRET or SECRET:VERSION, in the same project"),
                ));
            }
        }
    }
}

fn check_labels(settings: &Settings, problems: &mut Vec<Problem>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    for (key, value) in &settings.labels {
        let is_good = |text: &str| text.len() <= LABEL_LEN && text.chars().all(plain);
        if !is_good(key) || !is_good(value) || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
            let what = format!("the label {key} = {value:?} cannot be used");
            let hint = "lower-case letters, digits, - and _, at most 63 of them";
            problems.push(Problem::new(what, Some(hint)));
        }
    }
}

/// A name that can be a part of a host name.
fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(plain)
        && !text.ends_with('-')
}

fn is_public_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https" && url.path() == "/" && url.query().is_none() && url.has_host()
    }) && !text.ends_with('/')
}
