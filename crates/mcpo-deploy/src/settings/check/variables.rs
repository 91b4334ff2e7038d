//! Validates variables and secrets.

use super::{
    super::{KEY_RING, LEDGER, PASSWORD, SecretSource, Settings, limits},
    Problem,
};

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

pub fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    check_names(settings, problems);
    check_secret_names(settings, problems);
    check_values(settings, problems);
}

fn check_names(settings: &Settings, problems: &mut Vec<Problem>) {
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
}

fn check_secret_names(settings: &Settings, problems: &mut Vec<Problem>) {
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
