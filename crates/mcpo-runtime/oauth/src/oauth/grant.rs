//! Defines grants: the claims that a code and the tokens from it share.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    client::metadata::{ClientKey, ProvenClient},
    fingerprint::Fingerprint,
    pkce::Challenge,
    scope::Scopes,
};
use crate::{
    base::{
        clock::Timestamp,
        seal::{Purpose, Sealable, appended},
    },
    login::Subject,
    store::GrantId,
};

/// The lifetime of a code (OAuth 2.1 §4.1.2 allows ten minutes; clients need seconds).
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// The lifetime of an access token.
pub(crate) const ACCESS_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How long the previous refresh token is still accepted. This covers two refreshes at the same
/// time and the retry after a lost response.
pub(crate) const GRACE_PERIOD: Duration = Duration::from_secs(45);

/// One user's permission for one client. Each code and token contains a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) client: ClientKey,
    pub(crate) client_name: String,
    #[serde(rename = "person")]
    pub(crate) subject: Subject,
    pub(crate) scopes: Scopes,
    /// The audience: the canonical URL of the protected resource (RFC 8707).
    pub(crate) resource: String,
}

/// An authorization code.
#[derive(Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) grant: Grant,
    pub(crate) redirect_uri: Fingerprint,
    pub(crate) challenge: Challenge,
    pub(crate) expires_at: Timestamp,
}

impl Code {
    /// Returns when the user granted access, which is when the code was created.
    pub(crate) const fn granted_at(&self) -> Timestamp {
        self.expires_at.minus(CODE_LIFETIME)
    }
}

impl Sealable for Code {
    const PURPOSE: Purpose = Purpose::Code;
}

/// An access token. New fields are only added at the end and are optional: earlier versions ignore
/// the fields after those that they know, and this version reads the tokens of earlier versions.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccessToken {
    pub(crate) grant: Grant,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// When the user granted access.
    #[serde(default, deserialize_with = "appended")]
    pub(crate) granted_at: Option<Timestamp>,
}

impl Sealable for AccessToken {
    const PURPOSE: Purpose = Purpose::AccessToken;
}

/// A refresh token: the grant, and the token's generation in its family. Fields are added as in
/// [`AccessToken`].
#[derive(Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) grant: Grant,
    pub(crate) generation: u64,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// When the user granted access.
    #[serde(default, deserialize_with = "appended")]
    pub(crate) granted_at: Option<Timestamp>,
    /// The digest of the secret of a client that registered itself with a secret. It authenticates
    /// the client after the key that sealed the client id has been removed.
    #[serde(default, deserialize_with = "appended")]
    pub(crate) client_secret: Option<Fingerprint>,
}

impl Sealable for RefreshToken {
    const PURPOSE: Purpose = Purpose::RefreshToken;
}

impl Grant {
    pub(crate) fn belongs_to(&self, client: &ProvenClient) -> bool {
        self.client == client.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layouts of the previous version, which ignores additional fields.
    #[derive(Serialize, Deserialize)]
    struct EarlierAccessToken {
        grant: Grant,
        issued_at: Timestamp,
        expires_at: Timestamp,
    }

    impl Sealable for EarlierAccessToken {
        const PURPOSE: Purpose = Purpose::AccessToken;
    }

    #[derive(Serialize, Deserialize)]
    struct EarlierRefreshToken {
        grant: Grant,
        generation: u64,
        issued_at: Timestamp,
        expires_at: Timestamp,
    }

    impl Sealable for EarlierRefreshToken {
        const PURPOSE: Purpose = Purpose::RefreshToken;
    }

    fn grant() -> Grant {
        serde_json::from_value(serde_json::json!({
            "id": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
            "client": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
            "client_name": "x",
            "person": { "subject": "ada", "name": null, "epoch": [1, 2, 3, 4, 5, 6, 7, 8],
                        "upstream": null },
            "scopes": ["mcp:tools"],
            "resource": "https://a.example/mcp",
        }))
        .unwrap()
    }

    #[test]
    fn earlier_and_current_versions_read_each_others_tokens() {
        let keys = crate::base::seal::KeyRing::parse(crate::base::seal::test_keys::KEY).unwrap();
        let (issued_at, expires_at) = (Timestamp(1000), Timestamp(2000));
        let access = AccessToken {
            grant: grant(),
            issued_at,
            expires_at,
            granted_at: Some(Timestamp(900)),
        };
        let text = keys.seal(&access).unwrap();
        assert_eq!(
            keys.open::<AccessToken>(&text).unwrap().granted_at,
            access.granted_at
        );
        let earlier: EarlierAccessToken = keys.open(&text).unwrap();
        assert_eq!(earlier.expires_at, expires_at);
        let text = keys.seal(&earlier).unwrap();
        assert_eq!(keys.open::<AccessToken>(&text).unwrap().granted_at, None);

        let refresh = RefreshToken {
            grant: grant(),
            generation: 7,
            issued_at,
            expires_at,
            granted_at: Some(Timestamp(900)),
            client_secret: Some(Fingerprint::of("secret")),
        };
        let text = keys.seal(&refresh).unwrap();
        let again: RefreshToken = keys.open(&text).unwrap();
        assert_eq!(again.granted_at, refresh.granted_at);
        assert_eq!(again.client_secret, refresh.client_secret);
        let earlier: EarlierRefreshToken = keys.open(&text).unwrap();
        assert_eq!((earlier.generation, earlier.expires_at), (7, expires_at));
        let text = keys.seal(&earlier).unwrap();
        let again: RefreshToken = keys.open(&text).unwrap();
        assert_eq!((again.granted_at, again.client_secret), (None, None));
    }

    #[test]
    fn as17_pkce_example_of_rfc_7636_is_verified() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
        assert!(!challenge.is_met_by(""));
        for bad in ["", "short", &"A".repeat(44), &"=".repeat(43)] {
            assert!(Challenge::parse(bad).is_none(), "{bad}");
        }
    }
}
