//! Which provider, which client there, and whom it lets in.

use std::{fmt, sync::Arc};

use super::{
    allowed::Allowed,
    facts::ToldBy,
    presets::{Consent, Preset},
};
use crate::{
    clock::{Clock, SystemClock},
    jwt::{Documents, Issuer},
};

/// Sign-in at an OpenID provider.
pub struct OpenId {
    pub(super) issuer: Issuer,
    /// What it is called on pages.
    pub(super) title: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<String>,
    pub(super) scopes: Vec<String>,
    /// What else the request to the provider has to say.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) consent: Consent,
    pub(super) allowed: Allowed,
    pub(super) told_by: ToldBy,
    pub(super) clock: Arc<dyn Clock>,
}

/// Why a provider cannot be set up so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenIdError {
    /// A provider is asked with TLS, or on this machine.
    #[error("is not the https URL of an issuer, nor the name of a known one")]
    Issuer,
    /// The name of a known provider lacks what has to follow it, or the other way round.
    #[error("is the name of a known provider, but not of one in particular")]
    Preset,
    /// Such an issuer's tokens do not say whose they are.
    #[error("names no tenant, so tokens of any tenant would have to be accepted")]
    AnyTenant,
    /// Not an e-mail address.
    #[error("has an entry that is not an e-mail address")]
    Email,
    /// Not a domain.
    #[error("has an entry that is not a domain")]
    Domain,
}

impl fmt::Debug for OpenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenId")
            .field("issuer", &self.issuer.id())
            .field("client_id", &self.client_id)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

impl OpenId {
    /// A client at `provider`: the URL of its issuer, or `google`, `microsoft:TENANT`,
    /// `auth0:DOMAIN`, `okta:DOMAIN`, `keycloak:URL`. It lets nobody in yet.
    pub fn new(provider: &str, client_id: impl Into<String>) -> Result<Self, OpenIdError> {
        let (issuer, preset) = Preset::find(provider)?;
        Ok(Self {
            issuer: Issuer::new(&issuer, Documents::OpenId).ok_or(OpenIdError::Issuer)?,
            title: preset.title,
            client_id: client_id.into(),
            client_secret: None,
            scopes: preset.scopes,
            parameters: preset.parameters.into_iter().collect(),
            consent: preset.consent,
            allowed: Allowed::default(),
            told_by: ToldBy {
                groups: "groups".to_owned(),
                domain: preset.domain_claim,
            },
            clock: Arc::new(SystemClock),
        })
    }

    /// The client's secret, unless it is a public one.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Asks people for these scopes, and for `openid`. Without `offline_access` (or what a provider
    /// has for it) people sign in again whenever the provider's access token has expired.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[impl AsRef<str>]) -> Self {
        let scopes = scopes.iter().map(|scope| scope.as_ref().to_owned());
        self.scopes = scopes.collect();
        if !self.scopes.iter().any(|scope| scope == "openid") {
            self.scopes.insert(0, "openid".to_owned());
        }
        self
    }

    /// Lets people with these addresses in, if the provider says that the address is verified; `*`
    /// stands for everybody who has an account there.
    pub fn allow_emails(mut self, emails: &[impl AsRef<str>]) -> Result<Self, OpenIdError> {
        self.allowed.add_emails(emails)?;
        Ok(self)
    }

    /// Lets people in whose verified address is at one of these domains. At Google the account has to
    /// be managed by the domain's organisation (`hd`).
    pub fn allow_domains(mut self, domains: &[impl AsRef<str>]) -> Result<Self, OpenIdError> {
        self.allowed.add_domains(domains)?;
        Ok(self)
    }

    /// Lets people in by the provider's identifier of them (`sub`); `*` stands for everybody.
    #[must_use]
    pub fn allow_subjects(mut self, subjects: &[impl AsRef<str>]) -> Self {
        self.allowed.add_subjects(subjects);
        self
    }

    /// Lets the members of these groups in.
    #[must_use]
    pub fn allow_groups(mut self, groups: &[impl AsRef<str>]) -> Self {
        self.allowed.add_groups(groups);
        self
    }

    /// The claim that lists a person's groups, instead of `groups`.
    #[must_use]
    pub fn with_groups_claim(mut self, claim: impl Into<String>) -> Self {
        self.told_by.groups = claim.into();
        self
    }

    /// Takes the time from `clock` instead of from the system.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Whether anybody can come in at all.
    #[must_use]
    pub fn allows_somebody(&self) -> bool {
        !self.allowed.is_empty()
    }
}
