//! The secrets of a server, and the keys that are derived from them.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use aes_gcm_siv::{Aes256GcmSiv, Key, KeyInit as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;

use super::purpose::Purpose;
use crate::base::{error::Error, random};

pub(super) const KEY_ID_LEN: usize = 4;
const SECRET_LEN: usize = 32;
/// 32 random bytes have about 30 different values. Fewer than this never happen by chance.
const MIN_DISTINCT_BYTES: usize = 8;
const RETIRED_PREFIX: &str = "retired:";
/// Labels of the derived values that are not purposes of sealing.
const KEY_ID_LABEL: &str = "mcpo key id v1";
const MAC_LABEL: &str = "mcpo mac v1";

/// The secrets of a server. The first one seals; all of them open.
///
/// The text form is a comma-separated list of 32-byte keys in base64url, or in standard base64. A
/// key that is written as `retired:KEY` only opens the ids of clients that registered with it.
///
/// To rotate, set `OLD,NEW` on every instance, then `NEW,OLD`, and after a while `NEW` or
/// `NEW,retired:OLD`. Put a new key first only after every instance knows it:
/// `docs/key-rotation.md` has the whole procedure.
#[derive(Clone)]
pub struct KeyRing {
    pub(super) keys: Arc<[RingKey]>,
    pub(super) retired: Arc<[RingKey]>,
}

/// The values that are derived from one secret.
pub(super) struct RingKey {
    pub(super) id: [u8; KEY_ID_LEN],
    pub(super) ciphers: [Aes256GcmSiv; Purpose::ALL.len()],
    mac_key: [u8; 32],
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyRing")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// Why a text is not a key ring. Never contains any part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The text contains no key.
    #[error("it contains no key")]
    Empty,
    /// The key at this position (counted from 1) is not 32 bytes of base64.
    #[error("key {0} is not 32 bytes in base64")]
    NotAKey(usize),
    /// The key at this position (counted from 1) is not random.
    #[error(
        "key {0} is not random: it consists of fewer than {MIN_DISTINCT_BYTES} different bytes"
    )]
    Weak(usize),
}

impl KeyRing {
    /// Reads a ring from its text form.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut keys = Vec::new();
        let mut retired = Vec::new();
        for (index, key) in text.split(',').map(str::trim).enumerate() {
            if key.is_empty() {
                continue;
            }
            let (key, list) = match key.strip_prefix(RETIRED_PREFIX) {
                Some(key) => (key, &mut retired),
                None => (key, &mut keys),
            };
            // Standard base64 (RFC 4648 §4) differs only in two characters.
            let key = key
                .trim_end_matches('=')
                .replace('+', "-")
                .replace('/', "_");
            let secret = URL_SAFE_NO_PAD
                .decode(key)
                .ok()
                .and_then(|bytes| <[u8; SECRET_LEN]>::try_from(bytes).ok())
                .ok_or(KeyRingError::NotAKey(index + 1))?;
            let distinct: BTreeSet<u8> = secret.iter().copied().collect();
            if distinct.len() < MIN_DISTINCT_BYTES {
                return Err(KeyRingError::Weak(index + 1));
            }
            list.push(RingKey::derive(&secret));
        }
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        Ok(Self {
            keys: keys.into(),
            retired: retired.into(),
        })
    }

    /// Creates a ring with one new key, for tests. Everything that it seals is lost with the ring.
    pub fn random() -> Result<Self, Error> {
        let secret = random::bytes::<SECRET_LEN>().map_err(Error::internal)?;
        Ok(Self {
            keys: vec![RingKey::derive(&secret)].into(),
            retired: Arc::default(),
        })
    }

    /// Returns the key with this id, if it may open texts for this purpose.
    pub(super) fn find(&self, id: [u8; KEY_ID_LEN], purpose: Purpose) -> Option<&RingKey> {
        let retired = match purpose {
            Purpose::Client => &*self.retired,
            _ => &[],
        };
        self.keys.iter().chain(retired).find(|key| key.id == id)
    }

    /// Returns the public ids of all keys, the sealing key first. Every sealed text starts with the
    /// id of its key.
    pub(crate) fn key_ids(&self) -> impl Iterator<Item = [u8; KEY_ID_LEN]> {
        self.keys.iter().chain(&*self.retired).map(|key| key.id)
    }

    /// Returns a keyed digest of `parts` for each key of the ring, the sealing key first.
    ///
    /// Each part is hashed with its length, so that no two lists of parts collide.
    pub(crate) fn macs<'a>(
        &'a self,
        parts: &'a [&'a [u8]],
    ) -> impl Iterator<Item = [u8; 32]> + use<'a> {
        self.keys.iter().map(move |key| key.mac(parts))
    }

    /// Like [`Self::macs`], with the retired keys at the end, for data of a client's registration.
    pub(crate) fn macs_of_clients<'a>(
        &'a self,
        parts: &'a [&'a [u8]],
    ) -> impl Iterator<Item = [u8; 32]> + use<'a> {
        let keys = self.keys.iter().chain(&*self.retired);
        keys.map(move |key| key.mac(parts))
    }
}

impl FromStr for KeyRing {
    type Err = KeyRingError;

    fn from_str(text: &str) -> Result<Self, KeyRingError> {
        Self::parse(text)
    }
}

impl RingKey {
    fn derive(secret: &[u8; SECRET_LEN]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        Self {
            id: expand(&hkdf, KEY_ID_LABEL),
            ciphers: Purpose::ALL.map(|purpose| {
                let key: [u8; 32] = expand(&hkdf, purpose.label());
                Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(key))
            }),
            mac_key: expand(&hkdf, MAC_LABEL),
        }
    }

    /// HKDF is used as the MAC: it is based on HMAC, and it is already a dependency.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut message = Vec::new();
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        let (digest, _) = Hkdf::<Sha256>::extract(Some(&self.mac_key), &message);
        digest.into()
    }
}

fn expand<const N: usize>(hkdf: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut output = [0; N];
    if hkdf.expand(label.as_bytes(), &mut output).is_err() {
        // HKDF refuses only outputs above 255 hashes (RFC 5869 §2.3); these are at most one.
        unreachable!("an HKDF output of {N} bytes");
    }
    output
}
