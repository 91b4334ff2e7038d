//! The credentials that a client has after a probe; `--reuse` keeps them for the next one.

mod client;
mod client_key;
mod scopes;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcpo_common::secret::Secret;

use serde::{Deserialize, Serialize};

pub use self::{
    client::{AuthMethod, RegisteredClient},
    client_key::ClientKey,
    scopes::Scopes,
};

/// A client and its tokens. They belong to one issuer and are never sent to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// The `--as` value of the imitated client.
    pub(crate) profile: String,
    /// The issuer of the client id and the tokens.
    pub(crate) issuer: String,
    /// The resource that the tokens are for, as its metadata names it.
    pub(crate) resource: Option<String>,
    /// The client that the tokens were issued to.
    pub(crate) client: RegisteredClient,
    /// The access token.
    pub(crate) access: Secret,
    /// Expiry of the access token, in seconds since 1970; `None` if the server did not send it.
    pub(crate) expires_at: Option<u64>,
    /// The refresh token, if the server issued one.
    pub(crate) refresh: Option<Secret>,
    /// The scopes that were granted.
    pub(crate) scopes: Scopes,
    /// When the probe saved these credentials, in seconds since 1970.
    pub(crate) left_at: u64,
}

impl Credentials {
    /// Returns the `--as` value of the client that signed in.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// Returns the issuer of the tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the resource that the tokens are for, as its metadata names it.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// Marks the access token as expired, so that the next probe must use the refresh token.
    pub const fn expire(&mut self) {
        self.expires_at = Some(0);
    }

    /// Uses the credentials at another address of the same server. The caller must know that both
    /// addresses lead to one server: the tokens are sent there.
    pub fn move_to(&mut self, issuer: &str, resource: &str) {
        issuer.clone_into(&mut self.issuer);
        self.resource = self.resource.take().map(|_| resource.to_owned());
    }

    /// Returns true if the access token should still be valid.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.expires_at.is_none_or(|end| end > now())
    }

    /// Returns the time since the credentials were saved.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.left_at))
    }
}

/// Returns an invalid token that looks like `token`. A JSON Web Token stays readable, so that it
/// fails where an expired one fails; of any other token, nothing is kept but its form.
pub fn altered(token: &Secret) -> Secret {
    let token = token.expose();
    let middle = token.chars().count() / 2;
    let is_jwt = token.split('.').count() == 3;
    let change = |(index, character): (usize, char)| match character {
        _ if is_jwt && index != middle => character,
        'A'..='Y' | 'a'..='y' | '0'..='8' => char::from(character as u8 + 1),
        'Z' => 'A',
        'z' => 'a',
        '9' => '0',
        other => other,
    };
    Secret::new(token.chars().enumerate().map(change).collect::<String>())
}

/// Returns the current time in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use mcpo_common::secret::Secret;

    use super::altered;

    fn alter(token: &str) -> String {
        altered(&Secret::new(token)).expose().to_owned()
    }

    #[test]
    fn an_opaque_token_changes_everywhere_and_keeps_its_form() {
        assert_eq!(alter("at_Zz9-abc"), "bu_Aa0-bcd");
    }

    #[test]
    fn a_json_web_token_changes_in_the_middle() {
        assert_eq!(alter("eyJh.eyJz.c2ln"), "eyJh.eyKz.c2ln");
        assert_ne!(alter("e30.e3.x"), "e30.e3.x");
    }
}
