//! Writes the service that a deployment would release to a file, for `gcloud run services replace` or
//! for Terraform. Sends only read requests to Google.

mod service_yaml;
mod terraform;

use std::{fs, io, path::Path};

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    replace_file::replace_file,
};
use serde_json::json;

use crate::{
    context::Context,
    google::api::run::{Container, Service},
    history,
    plan::{self, Observed, Plan, Versions},
    release,
    settings::SecretSource,
    traffic::Wanted,
};

/// The first line of each file. A file without it is not overwritten.
const HEADER: &str = "# Written by mcpo deploy --export.";

/// The formats of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Knative form of Cloud Run's API, version 1.
    ServiceYaml,
    Terraform,
}

impl Format {
    /// Returns the format that the file's extension names.
    pub fn of(file: &Path) -> Outcome<Self> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("yaml" | "yml") => Ok(Self::ServiceYaml),
            Some("tf") => Ok(Self::Terraform),
            _ => Err(
                Failure::new(format!("unknown format of {}", file.display())).hint(
                    "use a name that ends with .yaml for gcloud, or with .tf for Terraform: \
                     --export service.yaml",
                ),
            ),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ServiceYaml => "service.yaml",
            Self::Terraform => "terraform",
        }
    }
}

/// What the file describes.
struct Description<'a> {
    context: &'a Context<'a>,
    seen: &'a Observed,
    /// The complete service after the release.
    service: Service,
}

impl Description<'_> {
    fn container(&self) -> Container {
        self.service
            .containers()
            .first()
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the settings of the service that the file does not contain.
    fn left_out(&self) -> Vec<String> {
        let template = self.service.template.clone().unwrap_or_default();
        let mut left_out: Vec<_> = self.service.other.keys().cloned().collect();
        if self.service.binary_authorization.is_some() {
            left_out.push("binaryAuthorization".to_owned());
        }
        if self.service.scaling.is_some() {
            left_out.push("scaling of the service".to_owned());
        }
        left_out.extend(template.other.keys().cloned());
        let container = self.container();
        left_out.extend(
            container
                .other
                .keys()
                .map(|name| format!("containers[0].{name}")),
        );
        for index in 1..template.containers.len() {
            left_out.push(format!("containers[{index}]"));
        }
        left_out
    }
}

/// Writes the file. `image` is the reference of the image, if it is known, and whether the registry
/// has the image.
pub fn write(
    file: &Path,
    context: &Context<'_>,
    seen: &Observed,
    plan: &Plan,
    image: Option<(&str, bool)>,
    wanted: &Wanted,
    as_json: bool,
) -> Outcome {
    let format = Format::of(file)?;
    let (reference, is_there) = image.ok_or_else(|| {
        Failure::new("the image is not known before Cloud Build has made it")
            .hint("run --export without --remote-build, or deploy once with --remote-build first")
    })?;
    let current = seen.service.as_ref();
    let (names, settings) = (&context.names, &context.settings);
    let service = plan::service(
        settings,
        names,
        reference,
        &versions(context, seen, plan),
        current,
    );
    let mut service = release::merged(current, service)?;
    let newest = current.map_or("", Service::latest_created);
    service.traffic = history::targets(wanted, current, newest)?;
    let described = Description {
        context,
        seen,
        service,
    };
    let text = match format {
        Format::ServiceYaml => service_yaml::text(&described)?,
        Format::Terraform => terraform::text(&described)?,
    };
    check_overwritten(file)?;
    let text = format!("{HEADER}\n{text}");
    replace_file(file, text.as_bytes()).map_err(|error| {
        Failure::new(format!("failed to write {}", file.display())).because(&error)
    })?;
    let mut notes = notes(&described, plan, format);
    if !is_there {
        notes.push(format!(
            "the registry does not have the image {reference} yet; push it, or deploy once"
        ));
    }
    for note in &notes {
        context.ui.warn(note);
    }
    if as_json {
        context.ui.result(json!({
            "schema": 1,
            "outcome": "exported",
            "file": file.display().to_string(),
            "format": format.name(),
            "url": format!("{}/mcp", names.base_url(settings)),
            "notes": notes,
        }));
    } else {
        context.ui.result(file.display());
    }
    Ok(Exit::Success)
}

/// Fails if the file exists and was not written by an export.
fn check_overwritten(file: &Path) -> Outcome<()> {
    let existing = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let what = format!("failed to read {}", file.display());
            return Err(Failure::new(what).because(&error));
        }
    };
    if existing.starts_with(HEADER) {
        return Ok(());
    }
    let what = format!("{} exists, and mcpo did not write it", file.display());
    Err(Failure::new(what).hint("choose another name, or remove the file"))
}

/// Returns the version of each secret. A version that does not exist yet cannot be named, so the file
/// names the latest one.
fn versions(context: &Context<'_>, seen: &Observed, plan: &Plan) -> Versions {
    let mut versions = Versions::default();
    for setting in &context.settings.secrets {
        let id = context.names.secret_of(setting);
        let is_new = plan.secrets.iter().any(|secret| secret.id == id);
        let latest = seen
            .secrets
            .get(&id)
            .and_then(|secret| secret.latest.as_ref());
        let version = match (&setting.source, latest) {
            (_, Some((version, _))) if !is_new => version.as_str(),
            (
                SecretSource::Existing {
                    version: Some(version),
                    ..
                },
                None,
            ) => version,
            _ => "latest",
        };
        versions.set(&setting.variable, &id, version);
    }
    versions
}

fn notes(described: &Description<'_>, plan: &Plan, format: Format) -> Vec<String> {
    let mut notes = Vec::new();
    let missing: Vec<_> = plan
        .secrets
        .iter()
        .map(|secret| secret.id.as_str())
        .collect();
    if !missing.is_empty() {
        notes.push(format!(
            "the file contains no values of secrets; add a version of: {}",
            missing.join(", ")
        ));
    }
    if format == Format::ServiceYaml {
        let made = [
            (plan.makes_account, "the service account"),
            (plan.makes_bucket, "the bucket of the ledger"),
            (
                !plan.grants.is_empty() || plan.grants_bucket,
                "IAM policies",
            ),
        ];
        let made: Vec<_> = made.iter().filter(|(is_missing, _)| *is_missing).collect();
        if !made.is_empty() {
            let made: Vec<_> = made.iter().map(|(_, what)| *what).collect();
            notes.push(format!(
                "the file describes only the service; create before: {}",
                made.join(", ")
            ));
        }
    }
    let left_out = described.left_out();
    if !left_out.is_empty() {
        notes.push(format!(
            "the file does not contain these settings of the service: {}",
            left_out.join(", ")
        ));
    }
    notes
}
