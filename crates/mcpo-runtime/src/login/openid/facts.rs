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
    /// Those that are on the allow-list.
    pub(super) groups: Told<Vec<String>>,
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
    pub(super) fn of_id_token(claims: &Claims, groups: &str, allowed: &Allowed) -> Option<Self> {
        let subject = claims.text("sub");
        let subject = subject.filter(|subject| subject.len() <= MAX_SUBJECT_LEN)?;
        let (email, has_unverified_email) = email(claims);
        Some(Self {
            subject: subject.to_owned(),
            name: name(claims),
            email: email.map_or(Told::Nowhere, Told::ByIdToken),
            groups: known_groups(claims, groups, allowed).map_or(Told::Nowhere, Told::ByIdToken),
            has_unverified_email,
        })
    }

    /// With a later id token; `None` if that is somebody else's.
    pub(super) fn with_id_token(
        mut self,
        claims: &Claims,
        groups: &str,
        allowed: &Allowed,
    ) -> Option<Self> {
        let new = Self::of_id_token(claims, groups, allowed)?;
        if new.subject != self.subject {
            return None;
        }
        if !matches!(self.email, Told::ByUserinfo(_)) {
            self.email = new.email;
        }
        if !matches!(self.groups, Told::ByUserinfo(_)) {
            self.groups = new.groups;
        }
        Some(self)
    }

    /// With what the userinfo endpoint says; `None` if that is about somebody else (OpenID Connect
    /// Core §5.3.2).
    pub(super) fn with_userinfo(
        mut self,
        claims: &Claims,
        groups: &str,
        allowed: &Allowed,
    ) -> Option<Self> {
        if claims.text("sub") != Some(&self.subject) {
            return None;
        }
        let (email, has_unverified) = email(claims);
        let is_told = claims.get("email").is_some();
        if is_told || matches!(self.email, Told::ByUserinfo(_)) {
            self.email = email.map_or(Told::ByUserinfo(String::new()), Told::ByUserinfo);
            self.has_unverified_email = has_unverified;
        }
        let told = known_groups(claims, groups, allowed);
        if told.is_some() || matches!(self.groups, Told::ByUserinfo(_)) {
            self.groups = Told::ByUserinfo(told.unwrap_or_default());
        }
        self.name = name(claims).or(self.name);
        Some(self)
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

/// Of all groups only those that matter: people can be in thousands.
fn known_groups(claims: &Claims, name: &str, allowed: &Allowed) -> Option<Vec<String>> {
    claims.get(name)?;
    let groups = claims.texts(name).into_iter();
    let known = groups.filter(|group| allowed.has_group(group));
    Some(known.map(str::to_owned).collect())
}
