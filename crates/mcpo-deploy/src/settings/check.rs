//! Validates settings without sending any request.

use mcpo_common::error::{Failure, Outcome};

use super::{
    KEY_RING, LEDGER, PASSWORD, SecretSource, Settings, SignIn, domain, limits, regions::meant,
};
use crate::{labels::LABEL, traffic::CHECK_TAG};

/// Cloud Run's limit.
const SERVICE_LEN: usize = 49;
const LABEL_LEN: usize = 63;
/// Variables that Cloud Run or deploy sets.
const RESERVED: &[&str] = &[
    "K_CONFIGURATION",
    "K_REVISION",
    "K_SERVICE",
    "MCPO_HOSTS",
    "MCPO_OPEN_TO_ANYONE",
    "PORT",
];
/// Variables that must not appear in plain configuration.
const SECRETS: &[&str] = &[
    KEY_RING,
    PASSWORD,
    "ADMIN_PASSWORD_HASH",
    "GITHUB_CLIENT_SECRET",
    "MCPO_CLIENTS",
    "OIDC_CLIENT_SECRET",
];

/// One invalid setting.
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

    fn into_failure(self) -> Failure {
        let failure = Failure::new(self.what);
        match self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// Returns a failure that lists all problems, if there are any.
pub fn report(problems: &[Problem]) -> Outcome<()> {
    match problems {
        [] => Ok(()),
        [only] => Err(only.clone().into_failure()),
        _ => {
            let lines: Vec<_> = problems.iter().map(Problem::line).collect();
            let what = format!(
                "{} settings are invalid:\n  - {}",
                problems.len(),
                lines.join("\n  - ")
            );
            Err(Failure::new(what).hint(
                "change them in [package.metadata.mcpo] of Cargo.toml or on the command line",
            ))
        }
    }
}

/// Adds a problem for each invalid setting.
pub fn check(settings: &Settings, tag: Option<&str>, problems: &mut Vec<Problem>) {
    if tag == Some(CHECK_TAG) {
        let hint = "choose another name; mcpo uses this one to check new revisions";
        problems.push(Problem::new(
            format!("reserved tag {CHECK_TAG:?}"),
            Some(hint),
        ));
    }
    if let Some(tag) = tag.filter(|tag| !is_label(tag)) {
        let hint = "use lower-case letters, digits and hyphens, a letter first, no hyphen last";
        problems.push(Problem::new(format!("invalid tag {tag:?}"), Some(hint)));
    }
    let steps = &settings.release_steps;
    let is_increasing = steps.iter().is_sorted_by(|one, next| one < next);
    if !is_increasing || steps.iter().any(|step| !(1..100).contains(step)) {
        let hint = format!("use {}", limits::accepted("release-steps"));
        let what = format!("invalid release-steps {steps:?}");
        problems.push(Problem::new(what, Some(&hint)));
    }
    if let Some(keep) = settings.keep_revisions
        && !(1..=1000).contains(&keep)
    {
        let hint = format!("use {}", limits::accepted("keep-revisions"));
        let what = format!("invalid keep-revisions {keep}");
        problems.push(Problem::new(what, Some(&hint)));
    }
    check_monitoring(settings, problems);
    if !(1..=365).contains(&settings.preview_max_age_days) {
        let what = format!(
            "invalid preview-max-age-days {}",
            settings.preview_max_age_days
        );
        let hint = format!("use {}", limits::accepted("preview-max-age-days"));
        problems.push(Problem::new(what, Some(&hint)));
    }
    check_names(settings, problems);
    check_features(settings, problems);
    check_size(settings, problems);
    check_environment(settings, problems);
    check_values(settings, problems);
    check_labels(settings, problems);
    check_domains(settings, problems);
    if let (Some(url), None) = (&settings.base_url, &settings.domain)
        && !is_public_origin(url)
    {
        let hint = "use https://HOST, for example https://mcp.example.com";
        problems.push(Problem::new(
            format!("invalid base-url {url:?}"),
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

fn check_monitoring(settings: &Settings, problems: &mut Vec<Problem>) {
    if settings.uptime_check && (settings.is_private || !settings.is_reachable()) {
        let what = "uptime-check needs a service that is reachable without an identity token";
        problems.push(Problem::new(what, Some("remove uptime-check")));
    }
    let Some(email) = &settings.alert_email else {
        return;
    };
    if !settings.uptime_check {
        let hint = "set uptime-check = true, or remove alert-email";
        problems.push(Problem::new("alert-email without uptime-check", Some(hint)));
    }
    let is_address = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
    if !is_address || email.chars().any(char::is_whitespace) {
        let hint = "use an address such as me@example.com";
        problems.push(Problem::new(
            format!("invalid alert-email {email:?}"),
            Some(hint),
        ));
    }
}

fn check_domains(settings: &Settings, problems: &mut Vec<Problem>) {
    for name in settings.domain.iter().chain(&settings.former_domains) {
        if let Some((what, hint)) = domain::problem(name) {
            problems.push(Problem::new(what, Some(&hint)));
        }
    }
    if settings.former_domains.len() > limits::FORMER_DOMAINS {
        let what = format!("too many former-domains: {}", settings.former_domains.len());
        problems.push(Problem::new(what, Some("use at most 20")));
    }
}

fn check_names(settings: &Settings, problems: &mut Vec<Problem>) {
    let region = settings.region.as_str();
    if region.is_empty() {
        let hint = "for example mcpo deploy europe-west1";
        problems.push(Problem::new("missing region", Some(hint)));
    } else if let Some(near) = meant(region) {
        let hint = format!("did you mean {near}?");
        problems.push(Problem::new(
            format!("unknown region {region:?}"),
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
            Some("Cloud Run allows 49; choose a shorter name with --service"),
        ));
    } else if !is_label(service) {
        let what = format!("invalid service name {service:?}");
        let hint =
            "use lower-case letters, digits and hyphens, a letter first; set it with --service";
        problems.push(Problem::new(what, Some(hint)));
    }
    if !is_label(&settings.repository) || settings.repository.len() > LABEL_LEN {
        let what = format!("invalid repository name {:?}", settings.repository);
        problems.push(Problem::new(
            what,
            Some("use lower-case letters, digits and hyphens"),
        ));
    }
    if let Some(project) = &settings.project
        && !(is_label(project) && (6..=30).contains(&project.len()))
    {
        let what = format!("invalid project id {project:?}");
        let hint =
            "use the project's id (6 to 30 lower-case letters, digits, hyphens), not its name";
        problems.push(Problem::new(what, Some(hint)));
    }
    if let Some(account) = &settings.service_account
        && !account.ends_with(".gserviceaccount.com")
    {
        let hint = "use NAME@PROJECT.iam.gserviceaccount.com";
        problems.push(Problem::new(
            format!("invalid service account {account:?}"),
            Some(hint),
        ));
    }
}

/// Adds a problem for each feature with an invalid name.
pub fn check_features(settings: &Settings, problems: &mut Vec<Problem>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/+".contains(c);
    let features = settings.features.named.iter();
    for feature in features.filter(|feature| !feature.chars().all(plain)) {
        let what = format!("invalid feature name {feature:?}");
        problems.push(Problem::new(what, None));
    }
}

fn check_size(settings: &Settings, problems: &mut Vec<Problem>) {
    let cpu = thousandths(&settings.cpu);
    let is_offered =
        |cpu: u32| (80..1000).contains(&cpu) || [1000, 2000, 4000, 6000, 8000].contains(&cpu);
    let cpu = match cpu {
        Some(cpu) if is_offered(cpu) => Some(cpu),
        _ => {
            let what = format!("unsupported cpu {:?}", settings.cpu);
            let hint = format!("use {}", limits::accepted("cpu"));
            problems.push(Problem::new(what, Some(&hint)));
            None
        }
    };
    if cpu.is_some_and(|cpu| cpu < 1000) && settings.concurrency != 1 {
        let what = format!("cpu {} needs concurrency = 1", settings.cpu);
        let hint = "set it, or use a whole CPU, which costs nothing while idle";
        problems.push(Problem::new(what, Some(hint)));
    }
    let memory = mebibytes(&settings.memory);
    if memory.is_none() {
        let what = format!("invalid memory {:?}", settings.memory);
        problems.push(Problem::new(what, Some("use a size such as 512Mi or 1Gi")));
    }
    if let (Some(cpu), Some(memory)) = (cpu, memory) {
        check_pair(settings, cpu, memory, problems);
    }
    if settings.max_instances == 0 || settings.min_instances > settings.max_instances {
        let what = format!(
            "min-instances {} and max-instances {} contradict each other",
            settings.min_instances, settings.max_instances
        );
        problems.push(Problem::new(what, None));
    }
    if !(1..=1000).contains(&settings.concurrency) {
        problems.push(Problem::new("concurrency must be 1 to 1000", None));
    }
    if !(1..=3600).contains(&settings.timeout_seconds) {
        problems.push(Problem::new("timeout-seconds must be 1 to 3600", None));
    }
}

/// Checks that Cloud Run offers this combination of CPU and memory.
fn check_pair(settings: &Settings, cpu: u32, memory: u32, problems: &mut Vec<Problem>) {
    let least = limits::least_memory(cpu);
    if memory < least {
        let what = format!(
            "memory {} is too little for {} CPU",
            settings.memory, settings.cpu
        );
        let hint = format!("use at least {least}Mi");
        problems.push(Problem::new(what, Some(&hint)));
    }
    let what = format!(
        "memory {} is too much for {} CPU",
        settings.memory, settings.cpu
    );
    match limits::least_cpu(memory) {
        None => problems.push(Problem::new(what, Some("use at most 32Gi"))),
        Some(least) if cpu < least => {
            let hint = format!("use at least {} CPU", f64::from(least) / 1000.0);
            problems.push(Problem::new(what, Some(&hint)));
        }
        Some(_) => {}
    }
}

/// Parses a CPU setting into thousandths of a CPU; `0.5` and `500m` are equal.
pub fn thousandths(text: &str) -> Option<u32> {
    if let Some(number) = text.strip_suffix('m') {
        return number.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if part.len() > 3 || !is_number(part) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part)
}

/// Parses a memory setting into MiB.
pub fn mebibytes(text: &str) -> Option<u32> {
    match text.strip_suffix("Gi") {
        Some(number) => number.parse::<u32>().ok()?.checked_mul(1024),
        None => text.strip_suffix("Mi")?.parse().ok(),
    }
}

fn check_values(settings: &Settings, problems: &mut Vec<Problem>) {
    for (name, value) in &settings.env {
        if value.len() > limits::VALUE_LEN {
            let what = format!("the value of {name} has {} bytes", value.len());
            problems.push(Problem::new(what, Some("Cloud Run accepts at most 32768")));
        }
    }
    let count = settings.env.len() + settings.secrets.len();
    if count > limits::VARIABLES {
        let what = format!("too many variables: {count}");
        problems.push(Problem::new(what, Some("use at most 900")));
    }
    for secret in &settings.secrets {
        match &secret.source {
            SecretSource::Local(Some(value)) => {
                let length = value.expose().len();
                if length == 0 || length > limits::SECRET_LEN {
                    let what = format!("the secret {} has {length} bytes", secret.variable);
                    problems.push(Problem::new(
                        what,
                        Some("Secret Manager accepts 1 to 65536"),
                    ));
                }
            }
            SecretSource::Existing { secret: id, .. } if id.len() > limits::SECRET_ID_LEN => {
                let what = format!("the name of the secret for {} is too long", secret.variable);
                problems.push(Problem::new(what, Some("use at most 255 characters")));
            }
            _ => {}
        }
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
                format!("invalid variable name {name:?}"),
                None,
            ));
        }
        if RESERVED.contains(&name) {
            let what = format!("{name} is reserved by Cloud Run or set by deploy");
            problems.push(Problem::new(what, Some("remove it from env")));
        }
        if name.starts_with("X_GOOGLE_") {
            let what = format!("{name} starts with X_GOOGLE_, which Google reserves");
            problems.push(Problem::new(what, Some("use another name")));
        }
        if name == "BASE_URL" {
            problems.push(Problem::new(
                "BASE_URL is set by deploy",
                Some("set base-url = \"https://…\""),
            ));
        }
        if name == LEDGER && settings.env.contains_key(name) {
            problems.push(Problem::new(
                "MCPO_LEDGER is set by deploy",
                Some("set ledger = \"…\""),
            ));
        }
    }
    for name in settings
        .env
        .keys()
        .filter(|name| SECRETS.contains(&name.as_str()))
    {
        let hint = format!("use secrets = [{name:?}] and set the variable in .env or in the shell");
        problems.push(Problem::new(
            format!("{name} is a secret and must not be in env"),
            Some(&hint),
        ));
    }
    for secret in &settings.secrets {
        if settings.env.contains_key(&secret.variable) {
            let what = format!("{} is in both env and secrets", secret.variable);
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
                let what = format!("invalid secret name {id:?}");
                problems.push(Problem::new(
                    what,
                    Some("use SECRET or SECRET:VERSION, in the same project"),
                ));
            }
        }
    }
}

fn check_labels(settings: &Settings, problems: &mut Vec<Problem>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if settings.labels.len() > limits::LABELS {
        let what = format!("too many labels: {}", settings.labels.len());
        problems.push(Problem::new(what, Some("use at most 60")));
    }
    for key in settings.labels.keys() {
        if key.starts_with("goog") || key.starts_with("mcpo-") || key == LABEL.0 {
            let what = format!("the label {key} is reserved");
            problems.push(Problem::new(what, Some("use another key")));
        }
    }
    for (key, value) in &settings.labels {
        let is_good = |text: &str| text.len() <= LABEL_LEN && text.chars().all(plain);
        if !is_good(key) || !is_good(value) || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
            let what = format!("invalid label {key} = {value:?}");
            let hint = "use at most 63 lower-case letters, digits, - and _";
            problems.push(Problem::new(what, Some(hint)));
        }
    }
}

/// Returns true if the name can be a label of a host name.
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
