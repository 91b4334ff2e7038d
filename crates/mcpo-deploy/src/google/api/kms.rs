//! Cloud KMS, version 1.
//! <https://cloud.google.com/kms/docs/reference/rest>

use serde::{Deserialize, Serialize};

use super::IntString;

/// The public key of a key version.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PublicKey {
    pub pem: String,
    /// Such as `EC_SIGN_P256_SHA256`.
    pub algorithm: String,
    /// The CRC32C checksum of `pem`.
    pub pem_crc32c: Option<IntString<i64>>,
}

/// The body of `cryptoKeyVersions.asymmetricSign`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsymmetricSignRequest {
    pub digest: Digest,
    /// The CRC32C checksum of the digest.
    pub digest_crc32c: IntString<i64>,
}

/// The digest of a message.
#[derive(Debug, Serialize)]
pub struct Digest {
    /// In base64.
    pub sha256: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AsymmetricSignResponse {
    /// The name of the key version that signed.
    pub name: String,
    /// In base64; for elliptic curves in ASN.1.
    pub signature: String,
    /// The CRC32C checksum of the signature.
    pub signature_crc32c: Option<IntString<i64>>,
    /// Whether Cloud KMS received the checksum of the digest and compared it.
    pub verified_digest_crc32c: bool,
}
