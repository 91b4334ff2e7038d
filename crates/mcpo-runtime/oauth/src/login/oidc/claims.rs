//! The claims about a user that decide whether the user is allowed.

use serde::{Deserialize, Serialize};

use super::allow_list::AllowList;
use crate::jwt::Claims;

const NAMES: [&str; 3] = ["preferred_username", "email", "name"];
/// OpenID Connect Core §2.
const MAX_SUBJECT_LEN: usize = 255;
const MAX_NAME_LEN: usize = 200;

/// The claims about a user. They are stored with the tokens for the next check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserClaims {
    pub(super) subject: String,
    pub(super) name: Option<String>,
    /// The address, only if the provider says that it is verified.
    pub(super) email: ClaimSource<String>,
    /// The domain of the address, or the one that the provider names for the account.
    pub(super) domain: ClaimSource<String>,
    /// The groups of the user that are on the allow-list.
    pub(super) groups: ClaimSource<Vec<String>>,
    /// Whether the userinfo endpoint accepts the access token. It rejects tokens that are for
    /// another API.
    pub(super) has_userinfo: bool,
    #[serde(skip)]
    pub(super) has_unverified_email: bool,
}

/// The names of the claims that contain groups and domains.
#[derive(Clone, Debug)]
pub(super) struct ClaimNames {
    pub(super) groups: String,
    /// `None`: use the domain of the verified address.
    pub(super) domain: Option<String>,
}

/// A claim and its source. The same source decides later on: if it no longer states the claim, the
/// claim no longer holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ClaimSource<T> {
    Nowhere,
    ByIdToken(T),
    ByUserinfo(T),
}

impl<T> ClaimSource<T> {
    pub(super) const fn value(&self) -> Option<&T> {
        match self {
            Self::Nowhere => None,
            Self::ByIdToken(value) | Self::ByUserinfo(value) => Some(value),
        }
    }
}

impl UserClaims {
    /// Reads the claims of an ID token. Returns `None` if the token has no usable subject.
    pub(super) fn of_id_token(
        claims: &Claims,
        claim_names: &ClaimNames,
        allow_list: &AllowList,
    ) -> Option<Self> {
        let subject = claims.text("sub");
        let subject = subject.filter(|subject| subject.len() <= MAX_SUBJECT_LEN)?;
        let (email, has_unverified_email) = email(claims);
        let domain = domain(claims, claim_names, email.as_deref());
        Some(Self {
            subject: subject.to_owned(),
            name: name(claims),
            domain: domain.map_or(ClaimSource::Nowhere, ClaimSource::ByIdToken),
            email: email.map_or(ClaimSource::Nowhere, ClaimSource::ByIdToken),
            groups: known_groups(claims, &claim_names.groups, allow_list)
                .map_or(ClaimSource::Nowhere, ClaimSource::ByIdToken),
            has_userinfo: true,
            has_unverified_email,
        })
    }

    /// Updates the claims from a later ID token. Returns `None` if the token is for another user.
    pub(super) fn with_id_token(
        mut self,
        claims: &Claims,
        claim_names: &ClaimNames,
        allow_list: &AllowList,
    ) -> Option<Self> {
        let new = Self::of_id_token(claims, claim_names, allow_list)?;
        if new.subject != self.subject {
            return None;
        }
        if !matches!(self.email, ClaimSource::ByUserinfo(_)) {
            self.email = new.email;
        }
        if !matches!(self.domain, ClaimSource::ByUserinfo(_)) {
            self.domain = new.domain;
        }
        if !matches!(self.groups, ClaimSource::ByUserinfo(_)) {
            self.groups = new.groups;
        }
        Some(self)
    }

    /// Updates the claims from the userinfo endpoint. Returns `None` if the response is about
    /// another user (OpenID Connect Core §5.3.2).
    pub(super) fn with_userinfo(
        mut self,
        claims: &Claims,
        claim_names: &ClaimNames,
        allow_list: &AllowList,
    ) -> Option<Self> {
        if claims.text("sub") != Some(&self.subject) {
            return None;
        }
        let (email, has_unverified) = email(claims);
        let domain = domain(claims, claim_names, email.as_deref());
        let domain_claim = claim_names.domain.as_deref().unwrap_or("email");
        if claims.get(domain_claim).is_some() || matches!(self.domain, ClaimSource::ByUserinfo(_)) {
            self.domain = ClaimSource::ByUserinfo(domain.unwrap_or_default());
        }
        if claims.get("email").is_some() || matches!(self.email, ClaimSource::ByUserinfo(_)) {
            self.email = ClaimSource::ByUserinfo(email.unwrap_or_default());
            self.has_unverified_email = has_unverified;
        }
        let told = known_groups(claims, &claim_names.groups, allow_list);
        if told.is_some() || matches!(self.groups, ClaimSource::ByUserinfo(_)) {
            self.groups = ClaimSource::ByUserinfo(told.unwrap_or_default());
        }
        self.name = name(claims).or(self.name);
        Some(self)
    }

    /// Returns true if deciding claims come only from ID tokens: a change then shows up only in the
    /// next ID token.
    pub(super) fn rests_on_id_token(&self, allow_list: &AllowList) -> bool {
        let address = matches!(self.email, ClaimSource::ByIdToken(_))
            || matches!(self.domain, ClaimSource::ByIdToken(_));
        let groups = matches!(self.groups, ClaimSource::ByIdToken(_));
        !self.has_userinfo
            || (allow_list.needs_address() && address)
            || (allow_list.needs_groups() && groups)
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

fn domain(claims: &Claims, claim_names: &ClaimNames, email: Option<&str>) -> Option<String> {
    let domain = match &claim_names.domain {
        Some(claim) => claims.text(claim),
        None => email.and_then(|email| email.rsplit_once('@').map(|(_, domain)| domain)),
    };
    domain.map(str::to_owned)
}

/// Returns only the groups on the allow-list, because a user can be in thousands of groups.
fn known_groups(claims: &Claims, name: &str, allow_list: &AllowList) -> Option<Vec<String>> {
    claims.get(name)?;
    let groups = claims.texts(name).into_iter();
    let known = groups.filter(|group| allow_list.has_group(group));
    Some(known.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(value: &Value) -> Claims {
        Claims::of_userinfo(value.as_object().unwrap().clone())
    }

    fn by(domain: Option<&str>) -> ClaimNames {
        ClaimNames {
            groups: "groups".to_owned(),
            domain: domain.map(str::to_owned),
        }
    }

    #[test]
    fn up6_domain_comes_from_the_email_address_or_the_domain_claim() {
        let account = json!({
            "sub": "1", "email": "ada@example.com", "email_verified": true, "hd": "managed.example",
        });
        for (claim_names, expected) in [(None, "example.com"), (Some("hd"), "managed.example")] {
            let claim_names = by(claim_names);
            let user =
                UserClaims::of_id_token(&claims(&account), &claim_names, &AllowList::default());
            let domain = user.unwrap().domain;
            assert_eq!(domain.value().unwrap(), expected);
        }
        // The address is at the domain, but the domain's owner does not manage the account.
        let mut private = account;
        private["hd"] = Value::Null;
        let user =
            UserClaims::of_id_token(&claims(&private), &by(Some("hd")), &AllowList::default());
        assert_eq!(user.unwrap().domain, ClaimSource::Nowhere);
    }

    #[test]
    fn up6_address_that_is_no_longer_verified_is_ignored() {
        let (claim_names, mut allow_list) = (by(None), AllowList::default());
        allow_list.add_domains(&["example.com"]).unwrap();
        let mut account = json!({
            "sub": "1", "email": "ada@example.com", "email_verified": true,
        });
        let user = UserClaims::of_id_token(&claims(&account), &claim_names, &allow_list).unwrap();
        assert!(allow_list.allows(&user));
        let kept = UserClaims::from_note(&user.to_note()).unwrap();
        // A userinfo response without the claim changes nothing, because the claim came from the ID
        // token.
        let silent =
            kept.clone()
                .with_userinfo(&claims(&json!({ "sub": "1" })), &claim_names, &allow_list);
        assert!(allow_list.allows(&silent.unwrap()));
        account["email_verified"] = false.into();
        let user = kept.with_userinfo(&claims(&account), &claim_names, &allow_list);
        let user = user.unwrap();
        assert!(!allow_list.allows(&user) && user.has_unverified_email);
        let other = user.with_userinfo(&claims(&json!({ "sub": "2" })), &claim_names, &allow_list);
        assert_eq!(other, None);
    }

    #[test]
    fn notes_of_earlier_versions_are_read() {
        let note = r#"{"subject":"42","name":"Ada","email":{"ByIdToken":"ada@example.com"},"domain":"Nowhere","groups":{"ByUserinfo":["makers"]},"has_userinfo":true}"#;
        let user = UserClaims::from_note(note).unwrap();
        assert_eq!(
            user.email,
            ClaimSource::ByIdToken("ada@example.com".to_owned())
        );
        assert_eq!(user.domain, ClaimSource::Nowhere);
        assert_eq!(
            user.groups,
            ClaimSource::ByUserinfo(vec!["makers".to_owned()])
        );
        assert_eq!(user.to_note(), note);
    }
}
