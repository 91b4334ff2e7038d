//! Chooses the version of a generated secret that the service uses.
//!
//! Two concurrent first deployments each generate a value, but only one of them releases a service.
//! The other value may be added later, by a process that no longer exists. It must not replace the
//! value that the service has been using since. Therefore a generated value never replaces another
//! generated value that is in use. Any other newer version was added by a person on purpose.

use std::collections::BTreeMap;

use mcpo_common::{error::Outcome, secret::Secret};

use super::{
    observe::{SeenSecret, decoded},
    rotation,
    service::pinned,
};
use crate::{
    google::{
        ErrorContext as _, Google,
        api::{
            run::Service,
            secret_manager::{AccessSecretVersionResponse, SecretVersion, VersionState},
        },
        method,
    },
    names::Names,
    settings::{GeneratedSecret, SecretSource, Settings},
};

/// The result of checking the generated secrets.
#[derive(Default)]
pub struct Kept {
    /// Versions that are ignored: the secret's id and the version.
    pub unused: Vec<(String, String)>,
    /// The step of a key rotation that the new version of the key ring represents.
    pub rotation: Option<&'static str>,
}

/// Replaces the latest version with the version in use where the latest one must be ignored.
pub async fn keep(
    google: &Google,
    settings: &Settings,
    names: &Names,
    service: &Service,
    secrets: &mut BTreeMap<String, SeenSecret>,
) -> Outcome<Kept> {
    let (mut unused, mut rotation) = (Vec::new(), None);
    for setting in &settings.secrets {
        let SecretSource::Generated(generated_secret) = setting.source else {
            continue;
        };
        let id = names.secret_of(setting);
        let Some(seen) = secrets.get_mut(&id) else {
            continue;
        };
        let Some(in_use) = pinned(service.containers(), &setting.variable, &id) else {
            continue;
        };
        let secret = Versions {
            google,
            names,
            id: &id,
        };
        let latest = seen.latest.as_ref().map(|(version, _)| version.clone());
        let stays = match &latest {
            Some(latest) if latest == in_use => continue,
            Some(latest) => secret.are_made(generated_secret, latest, in_use).await?,
            None => secret.is_enabled(in_use).await?,
        };
        if !stays
            && generated_secret == GeneratedSecret::KeyRing
            && secret.is_enabled(in_use).await?
        {
            let latest = match &latest {
                Some(latest) => secret.read(latest).await?,
                None => None,
            };
            rotation = match (secret.read(in_use).await?, latest) {
                (Some(in_use), Some(latest)) => {
                    rotation::describe(in_use.expose(), latest.expose())
                }
                _ => None,
            };
        }
        if stays {
            unused.extend(latest.map(|version| (id.clone(), version)));
            seen.latest = Some((in_use.to_owned(), None));
        }
    }
    Ok(Kept { unused, rotation })
}

/// Reads the versions of one secret.
struct Versions<'a> {
    google: &'a Google,
    names: &'a Names,
    id: &'a str,
}

impl Versions<'_> {
    async fn are_made(
        &self,
        generated_secret: GeneratedSecret,
        latest: &str,
        in_use: &str,
    ) -> Outcome<bool> {
        let is_made = |value: Option<Secret>| {
            value.is_some_and(|value| generated_secret.has_made(self.id, &value))
        };
        Ok(is_made(self.read(latest).await?)
            && self.is_enabled(in_use).await?
            && is_made(self.read(in_use).await?))
    }

    async fn is_enabled(&self, version: &str) -> Outcome<bool> {
        let path = self.path(version);
        let found = self.google.find(&method::SECRET_VERSION, &path).await;
        let found: Option<SecretVersion> = found.during(self.during())?;
        Ok(found.is_some_and(|found| found.state == VersionState::Enabled))
    }

    async fn read(&self, version: &str) -> Outcome<Option<Secret>> {
        let path = format!("{}:access", self.path(version));
        let found = self.google.find(&method::SECRET_READ, &path).await;
        let found: Option<AccessSecretVersionResponse> = found.during(self.during())?;
        Ok(found.and_then(|found| decoded(&found.payload)))
    }

    fn path(&self, version: &str) -> String {
        format!("v1/{}/versions/{version}", self.names.secret(self.id))
    }

    fn during(&self) -> String {
        format!("failed to read the secret {}", self.id)
    }
}
