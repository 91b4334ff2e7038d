//! Variables for sign-in at an OpenID provider.

use super::reader::Reader;
use crate::login::{OpenId, OpenIdError};

const ISSUER: &str = "OIDC_ISSUER";
const ID: &str = "OIDC_CLIENT_ID";
const SECRET: &str = "OIDC_CLIENT_SECRET";
const EMAILS: &str = "OIDC_ALLOWED_EMAILS";
const DOMAINS: &str = "OIDC_ALLOWED_DOMAINS";
const SUBJECTS: &str = "OIDC_ALLOWED_SUBJECTS";
const GROUPS: &str = "OIDC_ALLOWED_GROUPS";

impl Reader<'_> {
    pub(super) fn openid(&mut self) -> Option<OpenId> {
        let issuer = self.text(ISSUER);
        let id = self.text(ID);
        let secret = self.text(SECRET);
        let lists = [EMAILS, DOMAINS, SUBJECTS, GROUPS].map(|name| self.list(name));
        let (Some(issuer), Some(id)) = (&issuer, id.clone()) else {
            let is_meant = issuer.is_some()
                || id.is_some()
                || secret.is_some()
                || lists.iter().any(Option::is_some);
            self.half_of_openid(is_meant, issuer.is_some(), id.is_some());
            return None;
        };
        let mut openid = match OpenId::new(issuer, id) {
            Ok(openid) => openid,
            Err(error) => {
                let allowed = "the URL of an issuer, google, microsoft:TENANT, auth0:DOMAIN, \
                               okta:DOMAIN or keycloak:URL";
                self.wrong(ISSUER, Some(issuer.clone()), error.to_string(), allowed);
                return None;
            }
        };
        let [emails, domains, subjects, groups] = lists.map(Option::unwrap_or_default);
        openid = self.allowed(EMAILS, openid.allow_emails(&emails))?;
        openid = self.allowed(DOMAINS, openid.allow_domains(&domains))?;
        openid = openid.allow_subjects(&subjects).allow_groups(&groups);
        if !openid.allows_somebody() {
            let allowed = "e-mail addresses separated by commas, or * for every account there; \
                           OIDC_ALLOWED_DOMAINS, OIDC_ALLOWED_SUBJECTS and OIDC_ALLOWED_GROUPS \
                           also allow users";
            let problem = "is not set, so no user could sign in";
            self.wrong(EMAILS, None, problem, allowed);
        }
        if let Some(secret) = secret {
            openid = openid.with_secret(secret);
        }
        if let Some(scopes) = self.words("OIDC_SCOPES") {
            openid = openid.with_scopes(&scopes);
        }
        if let Some(claim) = self.text("OIDC_GROUPS_CLAIM") {
            openid = openid.with_groups_claim(claim);
        }
        Some(openid)
    }

    /// Deny by default: a list without a provider must not result in a server without a sign-in.
    fn half_of_openid(&mut self, is_meant: bool, issuer: bool, id: bool) {
        let problem = "is not set, and other OIDC_ variables are";
        if is_meant && !issuer {
            let allowed = "the URL of the provider's issuer, or a name such as google";
            self.wrong(ISSUER, None, problem, allowed);
        }
        if is_meant && !id {
            self.wrong(ID, None, problem, "the id of this client at the provider");
        }
    }

    fn allowed(
        &mut self,
        name: &'static str,
        added: Result<OpenId, OpenIdError>,
    ) -> Option<OpenId> {
        let allowed = "entries separated by commas";
        added
            .map_err(|error| self.wrong(name, None, error.to_string(), allowed))
            .ok()
    }
}
