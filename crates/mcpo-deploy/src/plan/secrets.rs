//! Plans the changes to secrets.

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};

use super::{LabelChange, Observed, Plan, SecretChange, Versions};
use crate::{
    google::api::secret_manager::Secret as SecretResource,
    labels::{SHOWN, SHOWN_LABEL},
    names::{Names, SECRET_ROLE},
    settings::{GeneratedSecret, SecretSource, Settings},
};

impl Plan {
    pub(super) fn plan_secrets(
        &mut self,
        settings: &Settings,
        names: &Names,
        seen: &Observed,
        member: &str,
        versions: &mut Versions,
    ) -> Outcome<()> {
        let mut missing = Vec::new();
        for setting in &settings.secrets {
            let id = names.secret_of(setting);
            let found = seen.secrets.get(&id);
            let current = found.and_then(|secret| secret.latest.clone());
            let value = match (&setting.source, &current) {
                (SecretSource::Generated(generated_secret), None) => {
                    Some(generated_secret.make(&id)?)
                }
                (SecretSource::Local(Some(value)), Some((_, Some(known)))) if value == known => {
                    None
                }
                (SecretSource::Local(Some(value)), _) => Some(value.clone()),
                (SecretSource::Instance, current) => {
                    let address = seen.instance.as_ref().and_then(|seen| seen.address.clone());
                    let known = current.as_ref().and_then(|(_, value)| value.clone());
                    match address {
                        Some(address) if Some(&address) == known.as_ref() => None,
                        Some(address) => Some(address),
                        // The release sets the value when the instance is ready.
                        None => Some(Secret::new(String::new())),
                    }
                }
                (SecretSource::Local(None), None) => {
                    missing.push(format!(
                        "{} is set neither in the shell nor in .env",
                        setting.variable
                    ));
                    None
                }
                (SecretSource::Existing { .. }, None) => {
                    missing.push(format!(
                        "secret {id} for {} does not exist or has no version",
                        setting.variable
                    ));
                    None
                }
                _ => None,
            };
            if !found.is_some_and(|secret| secret.policy.grants(SECRET_ROLE, member)) {
                self.grants.push(id.clone());
            }
            if let Some(unseen) = found.and_then(|secret| secret.unseen.as_ref()) {
                let mut labels = unseen.labels.clone();
                labels.insert(SHOWN_LABEL.to_owned(), SHOWN.to_owned());
                self.to_show = Some(LabelChange {
                    id: id.clone(),
                    etag: unseen.etag.clone(),
                    labels,
                });
            }
            if let Some(unlabelled) = found.and_then(|secret| secret.unlabelled.as_ref()) {
                self.labels.push(relabelled(&id, unlabelled, names));
            }
            match value {
                Some(value) => {
                    versions.set(&setting.variable, &id, "new");
                    self.secrets.push(SecretChange {
                        variable: setting.variable.clone(),
                        is_new: found.is_none(),
                        id,
                        value,
                        is_made_password: matches!(
                            setting.source,
                            SecretSource::Generated(GeneratedSecret::Password)
                        ),
                    });
                }
                None => {
                    let version = current.map_or_else(String::new, |(version, _)| version);
                    versions.set(&setting.variable, &id, &version);
                }
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(
                Failure::new(format!("missing secrets:\n  - {}", missing.join("\n  - "))).hint(
                    "set them in .env or in the shell; mcpo stores them only in Secret Manager",
                ),
            )
        }
    }
}

/// Adds the labels of the service to a secret's existing labels.
fn relabelled(id: &str, secret: &SecretResource, names: &Names) -> LabelChange {
    let mut labels = secret.labels.clone();
    labels.extend(names.labels());
    LabelChange {
        id: id.to_owned(),
        etag: secret.etag.clone(),
        labels,
    }
}
