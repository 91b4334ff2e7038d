//! Signs with a key version of Cloud KMS, and verifies signatures with its public key.
//!
//! Only ECDSA with P-256 and SHA-256 is supported, the algorithm of cosign's own keys.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcpo_common::error::{Failure, Outcome};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use crate::google::{
    ErrorContext as _, Google, Request,
    api::{
        IntString,
        kms::{AsymmetricSignRequest, AsymmetricSignResponse, Digest, PublicKey},
    },
    method,
};

const ALGORITHM: &str = "EC_SIGN_P256_SHA256";
/// What precedes the point in a `SubjectPublicKeyInfo` of P-256 (RFC 5480 §2): the algorithm
/// `id-ecPublicKey` with the curve `secp256r1`, and the header of a bit string of 65 bytes.
const P256_HEADER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key version, and its public key.
#[derive(Debug)]
pub struct Key {
    /// `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`
    name: String,
    /// The uncompressed point.
    point: Vec<u8>,
}

impl Key {
    /// Reads the public key.
    pub async fn read(google: &Google, name: &str) -> Outcome<Self> {
        let during = format!("failed to read the public key of {name}");
        let path = format!("v1/{name}/publicKey");
        let found = google.get(&method::KMS_PUBLIC_KEY, &path).await;
        let found: PublicKey = found.during(during.clone())?;
        if found.algorithm != ALGORITHM {
            let what = format!("the key {name} has the algorithm {:?}", found.algorithm);
            return Err(Failure::new(what).hint(format!(
                "use a key with the purpose asymmetric signing and the algorithm {ALGORITHM}"
            )));
        }
        let is_damaged = !has_checksum(found.pem.as_bytes(), found.pem_crc32c);
        let point = point(&found.pem).filter(|_| !is_damaged);
        let point = point.ok_or_else(|| {
            let cause = std::io::Error::other("the response has no valid public key");
            Failure::new(during).because(&cause)
        })?;
        Ok(Self {
            name: name.to_owned(),
            point,
        })
    }

    /// Returns the name of the key version.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Signs a message. Returns the signature in ASN.1, verified with the public key.
    pub async fn sign(&self, google: &Google, message: &[u8]) -> Outcome<Vec<u8>> {
        let during = || format!("failed to sign with {}", self.name);
        let digest = Sha256::digest(message);
        let body = AsymmetricSignRequest {
            digest_crc32c: IntString(crc32c::crc32c(&digest).into()),
            digest: Digest {
                sha256: BASE64_STANDARD.encode(digest),
            },
        };
        let path = format!("v1/{}:asymmetricSign", self.name);
        let request = Request::with_body(&path, &body);
        let signed = google.call(&method::KMS_SIGN, request).await;
        let signed: AsymmetricSignResponse = signed.during(during())?;
        let signature = BASE64_STANDARD.decode(&signed.signature);
        let signature = signature.unwrap_or_default();
        let is_intact = signed.name == self.name
            && signed.verified_digest_crc32c
            && has_checksum(&signature, signed.signature_crc32c);
        if !is_intact || !self.verifies(message, &signature) {
            let cause = std::io::Error::other("the signature in the response is not valid");
            return Err(Failure::new(during()).because(&cause));
        }
        Ok(signature)
    }

    /// Returns true if this key made the signature, in ASN.1, of the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
        key.verify(message, signature).is_ok()
    }
}

fn has_checksum(bytes: &[u8], checksum: Option<IntString<i64>>) -> bool {
    checksum == Some(IntString(crc32c::crc32c(bytes).into()))
}

/// Returns the point of a public key in PEM.
fn point(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().map(str::trim);
    let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64_STANDARD.decode(base64).ok()?;
    let point = der.strip_prefix(&P256_HEADER)?;
    let is_uncompressed = point.len() == 65 && point.first() == Some(&4);
    is_uncompressed.then(|| point.to_vec())
}
