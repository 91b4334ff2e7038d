//! Settings of the OpenID login: provider, client and allow-list.

use std::{fmt, sync::Arc};

use super::{
    allow_list::AllowList,
    claims::ClaimNames,
    error::OpenIdError,
    presets::{Consent, Preset},
};
use crate::{
    base::clock::{Clock, SystemClock},
    jwt::{Issuer, MetadataKind},
};

/// Sign-in at an OpenID provider.
pub struct OpenId {
    pub(super) issuer: Issuer,
    /// The name of the provider on pages.
    pub(super) title: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<String>,
    pub(super) scopes: Vec<String>,
    /// More parameters for the authorization request.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) consent: Consent,
    pub(super) allow_list: AllowList,
    pub(super) claim_names: ClaimNames,
    pub(super) clock: Arc<dyn Clock>,
}

impl fmt::Debug for OpenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenId")
            .field("issuer", &self.issuer.id())
            .field("client_id", &self.client_id)
            .field("allowed", &self.allow_list)
            .finish_non_exhaustive()
    }
}

impl OpenId {
    /// Creates a login with this client at `provider`: the URL of an issuer, or `google`,
    /// `microsoft:TENANT`, `auth0:DOMAIN`, `okta:DOMAIN`, `keycloak:URL`. It does not allow any
    /// user yet.
    pub fn new(provider: &str, client_id: impl Into<String>) -> Result<Self, OpenIdError> {
        let (issuer, preset) = Preset::find(provider)?;
        Ok(Self {
            issuer: Issuer::new(&issuer, MetadataKind::OpenId).ok_or(OpenIdError::Issuer)?,
            title: preset.title,
            client_id: client_id.into(),
            client_secret: None,
            scopes: preset.scopes,
            parameters: preset.parameters.into_iter().collect(),
            consent: preset.consent,
            allow_list: AllowList::default(),
            claim_names: ClaimNames {
                groups: "groups".to_owned(),
                domain: preset.domain_claim,
            },
            clock: Arc::new(SystemClock),
        })
    }

    /// Sets the client's secret. Public clients have none.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Requests these scopes and `openid`. Without `offline_access` (or its equivalent at the
    /// provider), users must sign in again when the provider's access token expires.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[impl AsRef<str>]) -> Self {
        let scopes = scopes.iter().map(|scope| scope.as_ref().to_owned());
        self.scopes = scopes.collect();
        if !self.scopes.iter().any(|scope| scope == "openid") {
            self.scopes.insert(0, "openid".to_owned());
        }
        self
    }

    /// Allows users with these addresses, if the provider says that the address is verified. `*`
    /// allows every user with an account there.
    pub fn allow_emails(mut self, emails: &[impl AsRef<str>]) -> Result<Self, OpenIdError> {
        self.allow_list.add_emails(emails)?;
        Ok(self)
    }

    /// Allows users whose verified address is at one of these domains. At Google, the account must
    /// be managed by the domain's organization (`hd`).
    pub fn allow_domains(mut self, domains: &[impl AsRef<str>]) -> Result<Self, OpenIdError> {
        self.allow_list.add_domains(domains)?;
        Ok(self)
    }

    /// Allows users by the provider's identifier (`sub`). `*` allows every user.
    #[must_use]
    pub fn allow_subjects(mut self, subjects: &[impl AsRef<str>]) -> Self {
        self.allow_list.add_subjects(subjects);
        self
    }

    /// Allows the members of these groups.
    #[must_use]
    pub fn allow_groups(mut self, groups: &[impl AsRef<str>]) -> Self {
        self.allow_list.add_groups(groups);
        self
    }

    /// Sets the claim that lists a user's groups. The default is `groups`.
    #[must_use]
    pub fn with_groups_claim(mut self, claim: impl Into<String>) -> Self {
        self.claim_names.groups = claim.into();
        self
    }

    /// Uses this clock instead of the system clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Returns true if the allow-list has at least one entry.
    #[must_use]
    pub fn allows_somebody(&self) -> bool {
        !self.allow_list.is_empty()
    }
}
