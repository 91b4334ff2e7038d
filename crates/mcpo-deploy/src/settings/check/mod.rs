//! Validates settings without sending any request.

mod names;
mod size;
mod variables;

use mcpo_common::error::{Failure, Outcome};

pub use self::size::{mebibytes, thousandths};
use super::{Settings, SignIn, domain, limits};
use crate::traffic::CHECK_TAG;

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
    if let Some(tag) = tag.filter(|tag| !names::is_label(tag)) {
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
    names::check(settings, problems);
    check_features(settings, problems);
    size::check(settings, problems);
    variables::check(settings, problems);
    names::check_labels(settings, problems);
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

fn is_public_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https" && url.path() == "/" && url.query().is_none() && url.has_host()
    }) && !text.ends_with('/')
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

/// Adds a problem for each feature with an invalid name.
pub fn check_features(settings: &Settings, problems: &mut Vec<Problem>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/+".contains(c);
    let features = settings.features.named.iter();
    for feature in features.filter(|feature| !feature.chars().all(plain)) {
        let what = format!("invalid feature name {feature:?}");
        problems.push(Problem::new(what, None));
    }
}
