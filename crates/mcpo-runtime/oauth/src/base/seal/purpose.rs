//! The purposes of sealed texts. Labels and prefixes are part of the stored format and never
//! change.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The purpose of a sealed text. A new layout of the payload gets a new label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Purpose {
    /// The client id issued at registration.
    Client,
    /// The hidden field of a form on this server's pages.
    Form,
    /// The cookie that identifies a browser and the user who signed in there.
    Browser,
    /// The cookie of a browser in which a user has signed in before.
    KnownBrowser,
    /// An authorization code.
    Code,
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// The record of a sign-in at a provider, as the ledger stores it.
    Upstream,
}

impl Purpose {
    pub(super) const ALL: [Self; 8] = [
        Self::Client,
        Self::Form,
        Self::Browser,
        Self::KnownBrowser,
        Self::Code,
        Self::AccessToken,
        Self::RefreshToken,
        Self::Upstream,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Client => "mcpo client v1",
            Self::Form => "mcpo form v1",
            Self::Browser => "mcpo browser v2",
            Self::KnownBrowser => "mcpo known browser v1",
            Self::Code => "mcpo code v2",
            Self::AccessToken => "mcpo access token v2",
            Self::RefreshToken => "mcpo refresh token v2",
            Self::Upstream => "mcpo upstream v1",
        }
    }

    /// The prefix of the text, so that people and scanners recognize a leaked one.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Client => "mcpo_ci_",
            Self::Form => "mcpo_fm_",
            Self::Browser => "mcpo_br_",
            Self::KnownBrowser => "mcpo_kb_",
            Self::Code => "mcpo_ac_",
            Self::AccessToken => "mcpo_at_",
            Self::RefreshToken => "mcpo_rt_",
            Self::Upstream => "mcpo_up_",
        }
    }
}

/// A payload that can be sealed, and its purpose.
pub(crate) trait Sealable: Serialize + DeserializeOwned {
    const PURPOSE: Purpose;
}

/// Reads a field that earlier versions did not write: their data ends before it.
#[expect(clippy::unnecessary_wraps, reason = "the signature is serde's")]
pub(crate) fn appended<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer).unwrap_or_default())
}
