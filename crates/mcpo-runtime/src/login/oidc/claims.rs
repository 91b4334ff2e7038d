//! The claims about a user that decide whether the user is allowed.

use serde::{Deserialize, Serialize};

use super::allow_list::Allowed;
use crate::jwt::Claims;

const NAMES: [&str; 3] = ["preferred_username", "email", "name"];
/// OpenID Connect Core §2.
const MAX_SUBJECT_LEN: usize = 255;
const MAX_NAME_LEN: usize = 200;

/// The facts about a user. They are stored with the tokens for the next check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) name: Option<String>,
    /// The address, only if the provider says that it is verified.
    pub(super) email: Told<String>,
    /// The domain of the address, or the one that the provider names for the account.
    pub(super) domain: Told<String>,
    /// The groups of the user that are on the allow-list.
    pub(super) groups: Told<Vec<String>>,
    /// Whether the userinfo endpoint accepts the access token. It rejects tokens that are for
    /// another API.
    pub(super) has_userinfo: bool,
    #[serde(skip)]
    pub(super) has_unverified_email: bool,
}

/// The names of the claims that contain groups and domains.
#[derive(Clone, Debug)]
pub(super) struct ToldBy {
    pub(super) groups: String,
    /// `None`: use the domain of the verified address.
    pub(super) domain: Option<String>,
}

/// A fact and its source. The same source decides later on: if it no longer states the fact, the
/// fact no longer holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Told<T> {
    Nowhere,
    ByIdToken(T),
    ByUserinfo(T),
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
    /// Reads the claims of an ID token. Returns `None` if the token has no usable subject.
    pub(super) fn of_id_token(
        claims: &Claims,
        told_by: &ToldBy,
        allowed: &Allowed,
    ) -> Option<Self> {
        let subject = claims.text("sub");
        let subject = subject.filter(|subject| subject.len() <= MAX_SUBJECT_LEN)?;
        let (email, has_unverified_email) = email(claims);
        let domain = domain(claims, told_by, email.as_deref());
        Some(Self {
            subject: subject.to_owned(),
            name: name(claims),
            domain: domain.map_or(Told::Nowhere, Told::ByIdToken),
            email: email.map_or(Told::Nowhere, Told::ByIdToken),
            groups: known_groups(claims, &told_by.groups, allowed)
                .map_or(Told::Nowhere, Told::ByIdToken),
            has_userinfo: true,
            has_unverified_email,
        })
    }

    /// Updates the facts from a later ID token. Returns `None` if the token is for another user.
    pub(super) fn with_id_token(
        mut self,
        claims: &Claims,
        told_by: &ToldBy,
        allowed: &Allowed,
    ) -> Option<Self> {
        let new = Self::of_id_token(claims, told_by, allowed)?;
        if new.subject != self.subject {
            return None;
        }
        if !matches!(self.email, Told::ByUserinfo(_)) {
            self.email = new.email;
        }
        if !matches!(self.domain, Told::ByUserinfo(_)) {
            self.domain = new.domain;
        }
        if !matches!(self.groups, Told::ByUserinfo(_)) {
            self.groups = new.groups;
        }
        Some(self)
    }

    /// Updates the facts from the userinfo endpoint. Returns `None` if the response is about
    /// another user (OpenID Connect Core §5.3.2).
    pub(super) fn with_userinfo(
        mut self,
        claims: &Claims,
        told_by: &ToldBy,
        allowed: &Allowed,
    ) -> Option<Self> {
        if claims.text("sub") != Some(&self.subject) {
            return None;
        }
        let (email, has_unverified) = email(claims);
        let domain = domain(claims, told_by, email.as_deref());
        let domain_claim = told_by.domain.as_deref().unwrap_or("email");
        if claims.get(domain_claim).is_some() || matches!(self.domain, Told::ByUserinfo(_)) {
            self.domain = Told::ByUserinfo(domain.unwrap_or_default());
        }
        if claims.get("email").is_some() || matches!(self.email, Told::ByUserinfo(_)) {
            self.email = Told::ByUserinfo(email.unwrap_or_default());
            self.has_unverified_email = has_unverified;
        }
        let told = known_groups(claims, &told_by.groups, allowed);
        if told.is_some() || matches!(self.groups, Told::ByUserinfo(_)) {
            self.groups = Told::ByUserinfo(told.unwrap_or_default());
        }
        self.name = name(claims).or(self.name);
        Some(self)
    }

    /// Returns true if deciding facts come only from ID tokens: a change then shows up only in the
    /// next ID token.
    pub(super) fn rests_on_id_token(&self, allowed: &Allowed) -> bool {
        let address =
            matches!(self.email, Told::ByIdToken(_)) || matches!(self.domain, Told::ByIdToken(_));
        let groups = matches!(self.groups, Told::ByIdToken(_));
        !self.has_userinfo
            || (allowed.needs_address() && address)
            || (allowed.needs_groups() && groups)
    }

    pub(super) fn to_note(&self) -> String {
        // Serializing strings and lists of strings cannot fail.
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

/// Returns the address if it is verified, and whether the claims have an address that is not
/// verified. Some providers write `true` as a string.
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

fn domain(claims: &Claims, told_by: &ToldBy, email: Option<&str>) -> Option<String> {
    let domain = match &told_by.domain {
        Some(claim) => claims.text(claim),
        None => email.and_then(|email| email.rsplit_once('@').map(|(_, domain)| domain)),
    };
    domain.map(str::to_owned)
}

/// Returns only the groups on the allow-list, because a user can be in thousands of groups.
fn known_groups(claims: &Claims, name: &str, allowed: &Allowed) -> Option<Vec<String>> {
    claims.get(name)?;
    let groups = claims.texts(name).into_iter();
    let known = groups.filter(|group| allowed.has_group(group));
    Some(known.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(value: &Value) -> Claims {
        Claims::of_userinfo(value.as_object().unwrap().clone())
    }

    fn by(domain: Option<&str>) -> ToldBy {
        ToldBy {
            groups: "groups".to_owned(),
            domain: domain.map(str::to_owned),
        }
    }

    #[test]
    fn up6_a_domain_is_that_of_the_address_or_of_whoever_manages_the_account() {
        let account = json!({
            "sub": "1", "email": "ada@example.com", "email_verified": true, "hd": "managed.example",
        });
        for (told_by, expected) in [(None, "example.com"), (Some("hd"), "managed.example")] {
            let told_by = by(told_by);
            let facts = Facts::of_id_token(&claims(&account), &told_by, &Allowed::default());
            let domain = facts.unwrap().domain;
            assert_eq!(domain.fact().unwrap(), expected);
        }
        // The address is at the domain, but the domain's owner does not manage the account.
        let mut private = account;
        private["hd"] = Value::Null;
        let facts = Facts::of_id_token(&claims(&private), &by(Some("hd")), &Allowed::default());
        assert_eq!(facts.unwrap().domain, Told::Nowhere);
    }

    #[test]
    fn up6_an_address_that_is_not_verified_any_more_counts_no_more() {
        let (told_by, mut allowed) = (by(None), Allowed::default());
        allowed.add_domains(&["example.com"]).unwrap();
        let mut account = json!({
            "sub": "1", "email": "ada@example.com", "email_verified": true,
        });
        let facts = Facts::of_id_token(&claims(&account), &told_by, &allowed).unwrap();
        assert!(allowed.lets_in(&facts));
        let kept = Facts::from_note(&facts.to_note()).unwrap();
        // A userinfo response without the claim changes nothing, because the fact came from the ID
        // token.
        let silent =
            kept.clone()
                .with_userinfo(&claims(&json!({ "sub": "1" })), &told_by, &allowed);
        assert!(allowed.lets_in(&silent.unwrap()));
        account["email_verified"] = false.into();
        let facts = kept.with_userinfo(&claims(&account), &told_by, &allowed);
        let facts = facts.unwrap();
        assert!(!allowed.lets_in(&facts) && facts.has_unverified_email);
        let other = facts.with_userinfo(&claims(&json!({ "sub": "2" })), &told_by, &allowed);
        assert_eq!(other, None);
    }

    #[test]
    fn notes_of_earlier_versions_are_read() {
        let note = r#"{"subject":"42","name":"Ada","email":{"ByIdToken":"ada@example.com"},"domain":"Nowhere","groups":{"ByUserinfo":["makers"]},"has_userinfo":true}"#;
        let facts = Facts::from_note(note).unwrap();
        assert_eq!(facts.email, Told::ByIdToken("ada@example.com".to_owned()));
        assert_eq!(facts.domain, Told::Nowhere);
        assert_eq!(facts.groups, Told::ByUserinfo(vec!["makers".to_owned()]));
        assert_eq!(facts.to_note(), note);
    }
}
