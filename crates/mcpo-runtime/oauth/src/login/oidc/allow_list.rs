//! The allow-list for OpenID providers: addresses, domains, subjects and groups.

use super::{claims::UserClaims, error::OpenIdError};

/// The allow-list. An empty list allows no user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AllowList {
    anybody: bool,
    emails: Vec<String>,
    domains: Vec<String>,
    subjects: Vec<String>,
    groups: Vec<String>,
}

const ANYBODY: &str = "*";

impl AllowList {
    pub(super) fn add_emails(&mut self, emails: &[impl AsRef<str>]) -> Result<(), OpenIdError> {
        for email in emails.iter().map(|email| email.as_ref().trim()) {
            if email == ANYBODY {
                self.anybody = true;
                continue;
            }
            let (name, domain) = email.rsplit_once('@').ok_or(OpenIdError::Email)?;
            if name.is_empty() || !is_domain(domain) {
                return Err(OpenIdError::Email);
            }
            self.emails.push(email.to_owned());
        }
        Ok(())
    }

    pub(super) fn add_domains(&mut self, domains: &[impl AsRef<str>]) -> Result<(), OpenIdError> {
        for domain in domains.iter().map(|domain| domain.as_ref().trim()) {
            if !is_domain(domain) {
                return Err(OpenIdError::Domain);
            }
            self.domains.push(domain.to_owned());
        }
        Ok(())
    }

    pub(super) fn add_subjects(&mut self, subjects: &[impl AsRef<str>]) {
        for subject in subjects.iter().map(AsRef::as_ref) {
            match subject {
                ANYBODY => self.anybody = true,
                subject => self.subjects.push(subject.to_owned()),
            }
        }
    }

    pub(super) fn add_groups(&mut self, groups: &[impl AsRef<str>]) {
        let groups = groups.iter().map(|group| group.as_ref().to_owned());
        self.groups.extend(groups);
    }

    pub(super) const fn is_empty(&self) -> bool {
        !self.anybody
            && self.emails.is_empty()
            && self.domains.is_empty()
            && self.subjects.is_empty()
            && self.groups.is_empty()
    }

    /// Returns true if the subject alone cannot decide.
    pub(super) const fn needs_claims(&self) -> bool {
        self.needs_address() || self.needs_groups()
    }

    /// Returns true if an address or a domain can decide.
    pub(super) const fn needs_address(&self) -> bool {
        !self.anybody && (!self.emails.is_empty() || !self.domains.is_empty())
    }

    /// Returns true if groups can decide.
    pub(super) const fn needs_groups(&self) -> bool {
        !self.anybody && !self.groups.is_empty()
    }

    pub(super) fn has_group(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }

    pub(super) fn allows(&self, user: &UserClaims) -> bool {
        self.allows_permanently(user) || self.address(user).is_some()
    }

    /// Returns the address if it is the only reason why the user is allowed: the provider can give
    /// it to another user later.
    pub(super) fn only_by_address<'a>(&self, user: &'a UserClaims) -> Option<&'a str> {
        (!self.allows_permanently(user))
            .then(|| self.address(user))
            .flatten()
    }

    fn address<'a>(&self, user: &'a UserClaims) -> Option<&'a str> {
        let email = user.email.value()?.as_str();
        let mut emails = self.emails.iter();
        emails
            .any(|known| known.eq_ignore_ascii_case(email))
            .then_some(email)
    }

    fn allows_permanently(&self, user: &UserClaims) -> bool {
        let domain = user.domain.value().map_or("", String::as_str);
        let same = |known: &String, told: &str| known.eq_ignore_ascii_case(told);
        let groups = user.groups.value();
        self.anybody
            || self.subjects.contains(&user.subject)
            || self.domains.iter().any(|known| same(known, domain))
            || groups.is_some_and(|groups| groups.iter().any(|group| self.has_group(group)))
    }
}

fn is_domain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    text.len() <= 253
        && text.contains('.')
        && text.bytes().all(plain)
        && !text.starts_with('.')
        && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::oidc::claims::{ClaimSource, UserClaims};

    fn user(email: &str, groups: &[&str]) -> UserClaims {
        UserClaims {
            subject: "42".into(),
            name: None,
            email: ClaimSource::ByIdToken(email.into()),
            domain: ClaimSource::ByIdToken(email.rsplit('@').next().unwrap_or_default().into()),
            has_userinfo: true,
            groups: ClaimSource::ByUserinfo(groups.iter().map(|&group| group.to_owned()).collect()),
            has_unverified_email: false,
        }
    }

    #[test]
    fn up6_each_list_admits_only_listed_users() {
        let ada = user("Ada@Example.com", &["makers"]);
        let nobody = AllowList::default();
        assert!(nobody.is_empty() && !nobody.allows(&ada));
        assert!(!nobody.allows(&user("", &[])));
        let with = |change: &dyn Fn(&mut AllowList)| {
            let mut allow_list = AllowList::default();
            change(&mut allow_list);
            allow_list.allows(&ada)
        };
        assert!(with(&|list| list.add_emails(&["ada@example.com"]).unwrap()));
        assert!(with(&|list| list.add_domains(&["EXAMPLE.com"]).unwrap()));
        assert!(with(&|list| list.add_subjects(&["42"])));
        assert!(with(&|list| list.add_groups(&["makers"])));
        assert!(with(&|list| list.add_subjects(&["*"])));
        assert!(!with(&|list| list.add_domains(&["ample.com"]).unwrap()));
        assert!(!with(&|list| list
            .add_emails(&["eve@example.com"])
            .unwrap()));
        assert!(!with(&|list| list.add_groups(&["Makers"])));
        assert!(!with(&|list| list.add_subjects(&["4"])));
    }

    #[test]
    fn entries_that_match_no_user_are_rejected() {
        let mut allow_list = AllowList::default();
        for bad in ["ada", "@example.com", "ada@example", "ada@", "a@.com"] {
            assert_eq!(
                allow_list.add_emails(&[bad]),
                Err(OpenIdError::Email),
                "{bad}"
            );
        }
        for bad in ["", "com", "@example.com", "exa mple.com", "example.com."] {
            assert_eq!(
                allow_list.add_domains(&[bad]),
                Err(OpenIdError::Domain),
                "{bad}"
            );
        }
        assert!(allow_list.is_empty());
    }
}
