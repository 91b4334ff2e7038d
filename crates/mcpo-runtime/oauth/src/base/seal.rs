//! Seals data that clients carry: it is encrypted and authenticated, so the server does not store
//! it.
//!
//! A sealed text is `prefix` + base64url(key id ‖ nonce ‖ AES-256-GCM-SIV ciphertext). Each purpose
//! has its own key, derived with HKDF (RFC 5869) from the secret, and its name is in the associated
//! data, so a code can never be opened as a token. The key id selects the key from a ring. This
//! allows you to put a new secret first while everything sealed with the old one stays valid.
//! AES-GCM-SIV (RFC 8452) stays secure even if a nonce repeats.

mod key_ring;
mod purpose;
#[cfg(test)]
mod tests;

use aes_gcm_siv::{
    Nonce,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use self::key_ring::KEY_ID_LEN;
pub use self::key_ring::{KeyRing, KeyRingError};
pub(crate) use self::purpose::{Purpose, Sealable, appended};
use super::random;

/// The longest text that [`KeyRing::open`] accepts, in bytes.
pub(crate) const MAX_SEALED_LEN: usize = 16 * 1024;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// Returns a keyed digest of `parts` for each key of the ring, the sealing key first.
pub fn macs<'a>(
    keys: &'a KeyRing,
    parts: &'a [&'a [u8]],
) -> impl Iterator<Item = [u8; 32]> + use<'a> {
    keys.macs(parts)
}

impl KeyRing {
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
