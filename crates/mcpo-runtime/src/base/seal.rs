//! Seals data that clients carry: it is encrypted and authenticated, so the server does not store
//! it.
//!
//! A sealed text is `prefix` + base64url(key id ‖ nonce ‖ AES-256-GCM-SIV ciphertext). Each purpose
//! has its own key, derived with HKDF (RFC 5869) from the secret, and its name is in the associated
//! data, so a code can never be opened as a token. The key id selects the key from a ring. This
//! allows you to put a new secret first while everything sealed with the old one stays valid.
//! AES-GCM-SIV (RFC 8452) stays secure even if a nonce repeats.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use aes_gcm_siv::{
    Aes256GcmSiv, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

use super::{error::Error, random};

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
    const ALL: [Self; 8] = [
        Self::Client,
        Self::Form,
        Self::Browser,
        Self::KnownBrowser,
        Self::Code,
        Self::AccessToken,
        Self::RefreshToken,
        Self::Upstream,
    ];

    const fn label(self) -> &'static str {
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
    const fn prefix(self) -> &'static str {
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

/// The longest text that [`KeyRing::open`] accepts, in bytes.
pub(crate) const MAX_SEALED_LEN: usize = 16 * 1024;
const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
const SECRET_LEN: usize = 32;
/// 32 random bytes have about 30 different values. Fewer than this never happen by chance.
const MIN_DISTINCT_BYTES: usize = 8;
const RETIRED_PREFIX: &str = "retired:";
/// Labels of the derived values that are not purposes of sealing.
const KEY_ID_LABEL: &str = "mcpo key id v1";
const MAC_LABEL: &str = "mcpo mac v1";

/// The secrets of a server. The first one seals; all of them open.
///
/// The text form is a comma-separated list of 32-byte keys in base64url without padding. A key that
/// is written as `retired:KEY` only opens the ids of clients that registered with it.
///
/// To rotate, set `OLD,NEW` on every instance, then `NEW,OLD`, and after a while `NEW` or
/// `NEW,retired:OLD`. Put a new key first only after every instance knows it:
/// `docs/key-rotation.md` has the whole procedure.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[RingKey]>,
    retired: Arc<[RingKey]>,
}

struct RingKey {
    id: [u8; KEY_ID_LEN],
    ciphers: [Aes256GcmSiv; Purpose::ALL.len()],
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
    /// The key at this position (counted from 1) is not 32 bytes of base64url.
    #[error("key {0} is not 32 bytes in base64url without padding")]
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
            let secret = URL_SAFE_NO_PAD
                .decode(key.trim_end_matches('='))
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

    /// Seals `payload` with the first key.
    pub(crate) fn seal<T: Sealable>(&self, payload: &T) -> Result<String, SealError> {
        let key = self.keys.first().ok_or(SealError)?;
        let plain = postcard::to_allocvec(payload).map_err(|_| SealError)?;
        let nonce = random::bytes::<NONCE_LEN>().map_err(|_| SealError)?;
        let payload = Payload {
            msg: &plain,
            aad: T::PURPOSE.label().as_bytes(),
        };
        let ciphertext = key.ciphers[T::PURPOSE as usize]
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError)?;
        let sealed = [&key.id[..], &nonce[..], &ciphertext[..]].concat();
        let mut text = String::from(T::PURPOSE.prefix());
        URL_SAFE_NO_PAD.encode_string(sealed, &mut text);
        Ok(text)
    }

    /// Opens a text that [`Self::seal`] created for the same type, with any key of the ring.
    pub(crate) fn open<T: Sealable>(&self, unverified_text: &str) -> Result<T, OpenError> {
        let parts = Parts::split(unverified_text, T::PURPOSE).ok_or(OpenError)?;
        let key = self.find(parts.key_id, T::PURPOSE).ok_or(OpenError)?;
        let payload = Payload {
            msg: &parts.ciphertext,
            aad: T::PURPOSE.label().as_bytes(),
        };
        let plain = key.ciphers[T::PURPOSE as usize]
            .decrypt(&Nonce::from(parts.nonce), payload)
            .map_err(|_| OpenError)?;
        postcard::from_bytes(&plain).map_err(|_| OpenError)
    }

    fn find(&self, id: [u8; KEY_ID_LEN], purpose: Purpose) -> Option<&RingKey> {
        let retired = match purpose {
            Purpose::Client => &*self.retired,
            _ => &[],
        };
        self.keys.iter().chain(retired).find(|key| key.id == id)
    }

    /// Returns true if `unverified_text` has the form of a sealed `T` but was sealed with a key
    /// that is not in this ring. Another instance may know that key.
    pub(crate) fn lacks_key_of<T: Sealable>(&self, unverified_text: &str) -> bool {
        Parts::split(unverified_text, T::PURPOSE).is_some_and(|parts| {
            let mut known = self.keys.iter().chain(&*self.retired);
            known.all(|key| key.id != parts.key_id)
        })
    }

    /// Returns true if `text` was sealed with the first key, so that no other key is needed.
    pub(crate) fn is_sealed_by_first<T: Sealable>(&self, text: &str) -> bool {
        let parts = Parts::split(text, T::PURPOSE);
        let first = self.keys.first();
        parts.is_some_and(|parts| first.is_some_and(|key| key.id == parts.key_id))
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

/// The parts of a sealed text, not yet verified.
struct Parts {
    key_id: [u8; KEY_ID_LEN],
    nonce: [u8; NONCE_LEN],
    ciphertext: Vec<u8>,
}

impl Parts {
    fn split(unverified_text: &str, purpose: Purpose) -> Option<Self> {
        let body = unverified_text
            .strip_prefix(purpose.prefix())
            .filter(|body| body.len() <= MAX_SEALED_LEN)?;
        let sealed = URL_SAFE_NO_PAD.decode(body).ok()?;
        let (key_id, rest) = sealed.split_first_chunk::<KEY_ID_LEN>()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        (ciphertext.len() > TAG_LEN).then(|| Self {
            key_id: *key_id,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
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

/// Sealing failed: the system has no randomness, or the payload cannot be serialized.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("failed to seal")]
pub(crate) struct SealError;

/// The text was not sealed by this server for this purpose. Deliberately gives no details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sealed by this server")]
pub(crate) struct OpenError;

/// Keys for unit tests, as random as real ones.
#[cfg(test)]
pub(crate) mod test_keys {
    pub(crate) const KEY: &str = "nJf9-2P7jQRmJJYTuxkQlkw9BQVyIGT9UVsbqpYP25g";
    pub(crate) const OTHER_KEY: &str = "kOGm3x_6VEKfHIHYUW1uecf9by3yQV86t5SzTcgOQHQ";
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample(String);
    impl Sealable for Sample {
        const PURPOSE: Purpose = Purpose::Code;
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Other(String);
    impl Sealable for Other {
        const PURPOSE: Purpose = Purpose::AccessToken;
    }

    fn key(number: u8) -> String {
        let bytes: [u8; SECRET_LEN] = std::array::from_fn(|index| {
            number.wrapping_add(u8::try_from(index).unwrap().wrapping_mul(7))
        });
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn ring(text: &str) -> KeyRing {
        KeyRing::parse(text).unwrap()
    }

    #[test]
    fn opens_what_it_sealed() {
        let ring = ring(&key(1));
        let text = ring.seal(&Sample("hello".into())).unwrap();
        assert!(text.starts_with("mcpo_ac_"));
        assert_eq!(ring.open::<Sample>(&text), Ok(Sample("hello".into())));
    }

    #[test]
    fn a_purpose_does_not_open_another() {
        let ring = ring(&key(1));
        let text = ring.seal(&Sample("hello".into())).unwrap();
        assert_eq!(ring.open::<Other>(&text), Err(OpenError));
        let renamed = text.replace("mcpo_ac_", "mcpo_at_");
        assert_eq!(ring.open::<Other>(&renamed), Err(OpenError));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let ring = ring(&key(1));
        let text = ring.seal(&Sample("hello".into())).unwrap();
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character may have unused bits; the decoder refuses those, too.
            assert_eq!(ring.open::<Sample>(&changed), Err(OpenError), "at {index}");
        }
    }

    #[test]
    fn rotation_strands_nobody() {
        let old = ring(&key(1));
        let text = old.seal(&Sample("hello".into())).unwrap();
        let rotated = ring(&format!("{},{}", key(2), key(1)));
        assert!(rotated.open::<Sample>(&text).is_ok());
        let sealed_new = rotated.seal(&Sample("new".into())).unwrap();
        assert_eq!(old.open::<Sample>(&sealed_new), Err(OpenError));
        assert_eq!(ring(&key(2)).open::<Sample>(&text), Err(OpenError));
    }

    #[test]
    fn names_the_key_that_is_wrong_and_shows_none() {
        assert_eq!(KeyRing::parse(" , ").unwrap_err(), KeyRingError::Empty);
        let error = KeyRing::parse(&format!("{},hunter2", key(1))).unwrap_err();
        assert_eq!(error, KeyRingError::NotAKey(2));
        assert!(!error.to_string().contains("hunter2"));
        assert!(!format!("{:?}", ring(&key(1))).contains(&key(1)));
    }

    #[test]
    fn a_key_without_variety_is_refused() {
        for weak in ["A".repeat(43), format!("{}E", "T".repeat(42))] {
            let parsed = KeyRing::parse(&format!("{},{weak}", key(1)));
            assert_eq!(parsed.unwrap_err(), KeyRingError::Weak(2));
        }
        for _ in 0..1000 {
            let secret = random::bytes::<SECRET_LEN>().unwrap();
            ring(&URL_SAFE_NO_PAD.encode(secret));
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct ClientSample(String);
    impl Sealable for ClientSample {
        const PURPOSE: Purpose = Purpose::Client;
    }

    #[test]
    fn a_retired_key_opens_client_ids_and_nothing_else() {
        let old = ring(&key(1));
        let id = old.seal(&ClientSample("x".into())).unwrap();
        let code = old.seal(&Sample("x".into())).unwrap();
        let retired = ring(&format!("{},retired:{}", key(2), key(1)));
        assert!(retired.open::<ClientSample>(&id).is_ok());
        assert_eq!(retired.open::<Sample>(&code), Err(OpenError));
        assert!(!retired.lacks_key_of::<Sample>(&code), "the key is known");
        let parts: &[&[u8]] = &[b"x"];
        assert_eq!(retired.macs(parts).count(), 1);
        assert_eq!(
            retired.macs_of_clients(parts).last(),
            old.macs(parts).next()
        );
        let only_retired = KeyRing::parse(&format!("retired:{}", key(1)));
        assert_eq!(only_retired.unwrap_err(), KeyRingError::Empty);
    }

    #[test]
    fn an_unknown_key_is_told_from_rubbish() {
        let other = ring(&key(3));
        let text = other.seal(&Sample("hello".into())).unwrap();
        let ours = ring(&key(1));
        assert!(ours.lacks_key_of::<Sample>(&text));
        assert!(!ours.lacks_key_of::<Other>(&text));
        assert!(!other.lacks_key_of::<Sample>(&text));
        for rubbish in [
            "",
            "mcpo_ac_",
            "mcpo_ac_AAAA",
            "mcpo_ac_!",
            &text[..40],
            "hello",
        ] {
            assert!(!ours.lacks_key_of::<Sample>(rubbish), "{rubbish}");
        }
    }

    #[test]
    fn mac_parts_do_not_run_together() {
        let ring = ring(&key(1));
        let mac = |parts: &[&[u8]]| ring.macs(parts).next().unwrap();
        assert_ne!(mac(&[b"ab", b"c"]), mac(&[b"a", b"bc"]));
    }

    proptest::proptest! {
        #[test]
        fn as15_nothing_opens_by_accident(text in "mcpo_ac_[A-Za-z0-9_=-]{0,200}|.{0,80}") {
            proptest::prop_assert_eq!(ring(&key(1)).open::<Sample>(&text), Err(OpenError));
        }
    }
}
