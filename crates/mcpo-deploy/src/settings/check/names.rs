//! Validates names and labels.

use super::{
    super::{Settings, limits, regions::meant},
    Problem,
};
use crate::labels::LABEL;

/// Cloud Run's limit.
const SERVICE_LEN: usize = 49;
const LABEL_LEN: usize = 63;

pub fn check(settings: &Settings, problems: &mut Vec<Problem>) {
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

pub fn check_labels(settings: &Settings, problems: &mut Vec<Problem>) {
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
pub fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(plain)
        && !text.ends_with('-')
}
