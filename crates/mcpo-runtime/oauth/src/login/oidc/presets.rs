//! Known providers by name, with their special rules.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::OpenIdError;

const PRESETS: &str = include_str!("presets.json");
/// Issuers for users of any tenant. They do not name a tenant, so it would be unknown whose tokens
/// they are.
const ANY_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// The rules for a known provider.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Preset {
    /// The issuer. `{}` is replaced by the text after the name.
    issuer: String,
    pub(super) title: String,
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) consent: Consent,
    /// The claim with the domain whose organization manages the account. Used where an address at a
    /// domain does not prove that.
    pub(super) domain_claim: Option<String>,
}

/// When the provider must ask for consent, because it issues no refresh token otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Consent {
    #[default]
    Never,
    /// Required for `offline_access` (OpenID Connect Core §11).
    ForOffline,
    Always,
}

impl Preset {
    /// Parses `NAME`, `NAME:WHICH` or the URL of an issuer. Returns the issuer and its preset.
    pub(super) fn find(text: &str) -> Result<(String, Self), OpenIdError> {
        let mut presets: BTreeMap<String, Self> = match serde_json::from_str(PRESETS) {
            Ok(presets) => presets,
            Err(error) => unreachable!("presets.json: {error}"),
        };
        let (name, which) = text.split_once(':').unwrap_or((text, ""));
        let Some(preset) = presets.remove(name) else {
            return Self::of_issuer(text, presets);
        };
        let is_open = preset.issuer.contains("{}");
        if is_open == which.is_empty() {
            return Err(OpenIdError::Preset);
        }
        if ANY_TENANT.contains(&which) {
            return Err(OpenIdError::AnyTenant);
        }
        Ok((preset.issuer.replace("{}", which), preset))
    }

    /// Finds the preset for the URL of an issuer. A known provider has the same rules, by name or
    /// by URL.
    fn of_issuer(
        issuer: &str,
        presets: BTreeMap<String, Self>,
    ) -> Result<(String, Self), OpenIdError> {
        for preset in presets.into_values() {
            match preset.issuer.split_once("{}") {
                None if preset.issuer == issuer.trim_end_matches('/') => {
                    return Ok((preset.issuer.clone(), preset));
                }
                // A pattern identifies a provider only if its host is fixed.
                Some((before, after)) if before.matches('/').count() > 2 => {
                    let rest = issuer.strip_prefix(before);
                    let which = rest.and_then(|rest| rest.strip_suffix(after));
                    match which {
                        Some(which) if ANY_TENANT.contains(&which) => {
                            return Err(OpenIdError::AnyTenant);
                        }
                        Some(_) => return Ok((issuer.to_owned(), preset)),
                        None => {}
                    }
                }
                _ => {}
            }
        }
        Ok((issuer.to_owned(), Self::unknown(issuer)))
    }

    fn unknown(issuer: &str) -> Self {
        let place = issuer.split_once("://").map_or(issuer, |(_, place)| place);
        let host = place.split('/').next().unwrap_or(place);
        let scopes = ["openid", "profile", "email", "offline_access"];
        Self {
            issuer: String::new(),
            title: host.to_owned(),
            scopes: scopes.map(str::to_owned).into(),
            parameters: BTreeMap::new(),
            consent: Consent::ForOffline,
            domain_claim: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_found_by_name_and_by_url() {
        let issuer = |text: &str| Preset::find(text).map(|(issuer, preset)| (issuer, preset.title));
        for (text, expected, title) in [
            ("google", "https://accounts.google.com", "Google"),
            ("auth0:x.eu.auth0.com", "https://x.eu.auth0.com/", "Auth0"),
            (
                "microsoft:11111111-2222",
                "https://login.microsoftonline.com/11111111-2222/v2.0",
                "Microsoft",
            ),
            (
                "keycloak:https://sso.example/realms/a",
                "https://sso.example/realms/a",
                "Keycloak",
            ),
            (
                "https://accounts.google.com",
                "https://accounts.google.com",
                "Google",
            ),
            (
                "https://login.microsoftonline.com/11111111-2222/v2.0",
                "https://login.microsoftonline.com/11111111-2222/v2.0",
                "Microsoft",
            ),
            (
                "https://login.example/x",
                "https://login.example/x",
                "login.example",
            ),
        ] {
            let found = issuer(text).unwrap();
            assert_eq!(found, (expected.to_owned(), title.to_owned()));
        }
        assert_eq!(issuer("google:x"), Err(OpenIdError::Preset));
        assert_eq!(issuer("auth0"), Err(OpenIdError::Preset));
        assert_eq!(issuer("microsoft:common"), Err(OpenIdError::AnyTenant));
        let common = "https://login.microsoftonline.com/common/v2.0";
        assert_eq!(issuer(common), Err(OpenIdError::AnyTenant));
        // The claim `hd` applies to Google, whether by name or by URL.
        let (_, google) = Preset::find("https://accounts.google.com/").unwrap();
        assert_eq!(google.domain_claim.as_deref(), Some("hd"));
    }
}
