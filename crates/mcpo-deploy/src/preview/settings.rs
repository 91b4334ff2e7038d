//! Changes the settings of a service to those of a preview.

use crate::{
    names::Names,
    settings::{
        GeneratedSecret, KEY_RING, Ledger, PASSWORD, PASSWORD_HASH, SecretSetting, SecretSource,
        Settings, SignIn,
    },
};

/// The variable with the beginning of the names of all records in the ledger.
const RECORDS: &str = "MCPO_LEDGER_PREFIX";
/// The beginning of the names of the records of all previews. Tags contain no dots, so no prefix of
/// a preview is the beginning of another one.
const RECORDS_PREFIX: &str = "preview.";

/// Returns the settings of a preview: its own key ring and password, and its own records in the
/// ledger. No instance runs while there are no requests.
pub fn adapt(settings: Settings, tag: &str) -> Settings {
    let mut settings = settings;
    let has_password = settings
        .secrets
        .iter()
        .any(|secret| [PASSWORD, PASSWORD_HASH].contains(&&*secret.variable));
    let is_own =
        |secret: &SecretSetting| [PASSWORD, PASSWORD_HASH, KEY_RING].contains(&&*secret.variable);
    settings.secrets.retain(|secret| !is_own(secret));
    if has_password {
        settings.sign_in = SignIn::GeneratedPassword;
        let password = SecretSource::Generated(GeneratedSecret::Password);
        settings.secrets.push(secret(PASSWORD, password));
    }
    // With the service's key ring, each could read the tokens of the other.
    let ring = SecretSource::Generated(GeneratedSecret::KeyRing);
    settings.secrets.push(secret(KEY_RING, ring));
    if let Ledger::Named(address) = &settings.ledger
        && (address.starts_with("sqlite:") || !address.contains("://"))
    {
        // A file cannot be divided. A preview may forget its sign-ins when it is idle.
        settings.ledger = Ledger::Named("memory".to_owned());
        settings.env.remove(RECORDS);
    } else {
        let of_service = settings.env.get(RECORDS).cloned().unwrap_or_default();
        let prefix = format!("{of_service}{RECORDS_PREFIX}{tag}.");
        settings.env.insert(RECORDS.to_owned(), prefix);
    }
    settings.min_instances = 0;
    settings.base_url = None;
    // Domains lead to the service.
    settings.domain = None;
    settings.former_domains.clear();
    settings
}

/// Returns the beginning of the names of the records of the preview `tag`. `settings` and `names` are
/// those of any preview of the service.
pub fn records_prefix(settings: &Settings, names: &Names, tag: &str) -> String {
    let own = format!("{RECORDS_PREFIX}{}.", names.preview().unwrap_or_default());
    let all = settings.env.get(RECORDS).map_or("", String::as_str);
    let of_service = all.strip_suffix(&own).unwrap_or_default();
    format!("{of_service}{RECORDS_PREFIX}{tag}.")
}

fn secret(variable: &str, source: SecretSource) -> SecretSetting {
    SecretSetting {
        variable: variable.to_owned(),
        source,
    }
}
