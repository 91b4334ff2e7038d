//! What a provider says of a person, as far as it decides who may come in.

use serde::{Deserialize, Serialize};

use super::allowed::Allowed;
use crate::jwt::Claims;

const NAMES: [&str; 3] = ["preferred_username", "email", "name"];
/// OpenID Connect Core §2.
const MAX_SUBJECT_LEN: usize = 255;
const MAX_NAME_LEN: usize = 200;

/// Kept with the tokens, for the next time somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) name: Option<String>,
    /// Only if the provider says that it is verified.
    pub(super) email: Told<String>,
    /// Of the address, or of the organization where the provider tells that.
    pub(super) domain: Told<String>,
    /// Those that are on the allow-list.
    pub(super) groups: Told<Vec<String>>,
    /// Whether the userinfo endpoint takes the access token: one that is for another API is not for
    /// that one as well.
    pub(super) has_userinfo: bool,
    #[serde(skip)]
    pub(super) has_unverified_email: bool,
}

/// A fact, and who said so. Whoever did has the word the next time: what is not said any more is not
/// so any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Told<T> {
    Nowhere,
    ByIdToken(T),
    ByUserinfo(T),
}

/// How claims are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) groups_claim: &'a str,
    pub(super) domain_claim: Option<&'a str>,
    pub(super) allowed: &'a Allowed,
}

impl<T> Told<T> {
    pub(super) const fn fact(&self) -> Option<&T> {
        match self {
            Self::Nowhere => None,
            Self::ByIdToken(fact) | Self::ByUserinfo(fact) => Some(fact),
        }
    }
}

impl Facts {
    /// `None` if there is no subject.
    pub(super) fn of_id_token(claims: &Claims, reading: Reading<'_>) -> Option<Self> {
        let subject = claims.text("sub");
        let subject = subject.filter(|subject| subject.len() <= MAX_SUBJECT_LEN)?;
        let (email, has_unverified_email) = email(claims);
        Some(Self {
            subject: subject.to_owned(),
            name: name(claims),
            domain: reading
                .domain(claims, email.as_deref())
                .map_or(Told::Nowhere, Told::ByIdToken),
            email: email.map_or(Told::Nowhere, Told::ByIdToken),
            groups: reading
                .groups(claims)
                .map_or(Told::Nowhere, Told::ByIdToken),
            has_userinfo: true,
            has_unverified_email,
        })
    }

    /// With a later id token; `None` if that is somebody else's.
    pub(super) fn with_id_token(mut self, claims: &Claims, reading: Reading<'_>) -> Option<Self> {
        let new = Self::of_id_token(claims, reading)?;
        if new.subject != self.subject {
            return None;
        }
        if !matches!(self.email, Told::ByUserinfo(_)) {
            self.email = new.email;
            self.domain = new.domain;
        }
        if !matches!(self.groups, Told::ByUserinfo(_)) {
            self.groups = new.groups;
        }
        Some(self)
    }

    /// With what the userinfo endpoint says; `None` if that is about somebody else (OpenID Connect
    /// Core §5.3.2).
    pub(super) fn with_userinfo(mut self, claims: &Claims, reading: Reading<'_>) -> Option<Self> {
        if claims.text("sub") != Some(&self.subject) {
            return None;
        }
        let (email, has_unverified) = email(claims);
        let is_told = claims.get("email").is_some();
        if is_told || matches!(self.email, Told::ByUserinfo(_)) {
            let domain = reading.domain(claims, email.as_deref());
            self.domain = Told::ByUserinfo(domain.unwrap_or_default());
            self.email = Told::ByUserinfo(email.unwrap_or_default());
            self.has_unverified_email = has_unverified;
        }
        let told = reading.groups(claims);
        if told.is_some() || matches!(self.groups, Told::ByUserinfo(_)) {
            self.groups = Told::ByUserinfo(told.unwrap_or_default());
        }
        self.name = name(claims).or(self.name);
        Some(self)
    }

    /// Whether what decides is told by id tokens only, so that nobody hears of a change before there
    /// is a new one.
    pub(super) fn rests_on_id_token(&self, allowed: &Allowed) -> bool {
        let address =
            matches!(self.email, Told::ByIdToken(_)) || matches!(self.domain, Told::ByIdToken(_));
        let groups = matches!(self.groups, Told::ByIdToken(_));
        !self.has_userinfo
            || (allowed.needs_address() && address)
            || (allowed.needs_groups() && groups)
    }

    pub(super) fn to_note(&self) -> String {
        // Texts and lists of texts can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn from_note(note: &str) -> Option<Self> {
        serde_json::from_str(note).ok()
    }
}

fn name(claims: &Claims) -> Option<String> {
    let mut names = NAMES.iter().filter_map(|name| claims.text(name));
    names
        .next()
        .map(|name| name.chars().take(MAX_NAME_LEN).collect())
}

/// The address if it is verified, and whether there is one that is not. Some providers write `true`
/// as a text.
fn email(claims: &Claims) -> (Option<String>, bool) {
    let Some(email) = claims.text("email") else {
        return (None, false);
    };
    let verified = claims.get("email_verified");
    let is_verified = verified.is_some_and(|value| *value == true || *value == "true");
    if is_verified {
        (Some(email.to_owned()), false)
    } else {
        (None, true)
    }
}

impl Reading<'_> {
    /// The domain that an account belongs to.
    fn domain(&self, claims: &Claims, verified_email: Option<&str>) -> Option<String> {
        let domain = match self.domain_claim {
            Some(claim) => claims.text(claim),
            None => verified_email.and_then(|email| Some(email.rsplit_once('@')?.1)),
        };
        domain.map(str::to_owned)
    }

    /// Of all groups only those that matter: people can be in thousands.
    fn groups(&self, claims: &Claims) -> Option<Vec<String>> {
        claims.get(self.groups_claim)?;
        let groups = claims.texts(self.groups_claim).into_iter();
        let known = groups.filter(|group| self.allowed.has_group(group));
        Some(known.map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn up6_a_personal_account_with_an_address_of_the_company_is_not_the_companys() {
        let mut allowed = Allowed::default();
        allowed.add_domains(&["example.com"]).unwrap();
        let claims = |value: serde_json::Value| match value {
            serde_json::Value::Object(map) => Claims::of_userinfo(map),
            other => panic!("{other}"),
        };
        let personal = json!({ "sub": "1", "email": "ada@example.com", "email_verified": true });
        let of_company = json!({
            "sub": "1", "email": "ada@example.com", "email_verified": true, "hd": "example.com",
        });
        let lets_in = |value, domain_claim| {
            let reading = Reading {
                groups_claim: "groups",
                domain_claim,
                allowed: &allowed,
            };
            let facts = Facts::of_id_token(&claims(value), reading).unwrap();
            allowed.lets_in(&facts)
        };
        assert!(lets_in(personal.clone(), None));
        assert!(!lets_in(personal, Some("hd")));
        assert!(lets_in(of_company, Some("hd")));
    }

    #[test]
    fn up6_an_address_that_is_not_verified_any_more_counts_no_more() {
        let mut allowed = Allowed::default();
        allowed.add_domains(&["example.com"]).unwrap();
        let reading = Reading {
            groups_claim: "groups",
            domain_claim: None,
            allowed: &allowed,
        };
        let claims =
            |value: &serde_json::Value| Claims::of_userinfo(value.as_object().unwrap().clone());
        let mut account = json!({
            "sub": "1", "email": "ada@example.com", "email_verified": true,
        });
        let facts = Facts::of_id_token(&claims(&account), reading).unwrap();
        assert!(allowed.lets_in(&facts));
        let kept = Facts::from_note(&facts.to_note()).unwrap();
        // Silence is no answer from somebody who was not asked before.
        let silent = claims(&json!({ "sub": "1" }));
        let silent = kept.clone().with_userinfo(&silent, reading).unwrap();
        assert!(allowed.lets_in(&silent));
        account["email_verified"] = false.into();
        let facts = kept.with_userinfo(&claims(&account), reading).unwrap();
        assert!(!allowed.lets_in(&facts) && facts.has_unverified_email);
        let other = claims(&json!({ "sub": "2" }));
        assert_eq!(facts.with_userinfo(&other, reading), None);
    }
}
