//! Cloud KMS: key versions that sign. The keys are real, and `openssl` signs with them.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
};

const ALGORITHM: &str = "EC_SIGN_P256_SHA256";

/// Handles calls to `cloudkms`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let name = call.path("name");
    let key = cloud.state().keys.get(&name).cloned();
    let key = key.ok_or_else(|| ApiError::not_found(&name))?;
    let method = call.found.method.id.rsplit('.').next().unwrap_or_default();
    match method {
        "getPublicKey" => {
            let pem = openssl(&["pkey", "-pubout"], key.as_bytes());
            let pem = String::from_utf8(pem).expect("PEM is text");
            Ok(json!({
                "name": name,
                "algorithm": ALGORITHM,
                "pemCrc32c": crc32c::crc32c(pem.as_bytes()).to_string(),
                "pem": pem,
                "protectionLevel": "SOFTWARE",
            }))
        }
        "asymmetricSign" => sign(cloud, &name, &key, &call.body),
        _ => Err(unsupported_method(call)),
    }
}

fn sign(cloud: &Cloud, name: &str, key: &str, body: &Value) -> Answer {
    let digest = match (&body["data"], &body["digest"]["sha256"]) {
        (Value::String(data), Value::Null) => Sha256::digest(decoded(data)?).to_vec(),
        (Value::Null, Value::String(digest)) => decoded(digest)?,
        _ => {
            return Err(ApiError::new(
                400,
                "either data or digest.sha256 is required",
            ));
        }
    };
    if digest.len() != 32 {
        return Err(ApiError::new(400, "digest.sha256 must have 32 bytes"));
    }
    let checksum = &body["digestCrc32c"];
    if !checksum.is_null() && !is_number(checksum, crc32c::crc32c(&digest)) {
        return Err(ApiError::new(
            400,
            "the checksum of the digest does not match",
        ));
    }
    let file = cloud
        .folder()
        .join(format!("key-{}.pem", cloud.state().next()));
    std::fs::write(&file, key).expect("a file");
    let path = file.display().to_string();
    let signature = openssl(&["pkeyutl", "-sign", "-inkey", &path], &digest);
    Ok(json!({
        "name": name,
        "signature": BASE64_STANDARD.encode(&signature),
        "signatureCrc32c": crc32c::crc32c(&signature).to_string(),
        "verifiedDigestCrc32c": !checksum.is_null(),
        "protectionLevel": "SOFTWARE",
    }))
}

fn decoded(text: &str) -> Result<Vec<u8>, ApiError> {
    let bytes = BASE64_STANDARD.decode(text);
    bytes.map_err(|_| ApiError::new(400, "not base64"))
}

/// Returns true if the value is this number, as a number or as text.
fn is_number(value: &Value, number: u32) -> bool {
    value.as_u64() == Some(number.into()) || value.as_str() == Some(&*number.to_string())
}

/// Returns what `openssl` prints.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("openssl reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

impl super::Google {
    /// Creates a key version that signs with P-256, and returns its public key in PEM.
    pub fn add_signing_key(&self, name: &str) -> String {
        let options = [
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ];
        let key = String::from_utf8(openssl(&options, &[])).expect("PEM is text");
        let public = openssl(&["pkey", "-pubout"], key.as_bytes());
        self.cloud.state().keys.insert(name.to_owned(), key);
        String::from_utf8(public).expect("PEM is text")
    }

    /// From now on, the policies of Binary Authorization allow no image, or all images.
    pub fn set_images_denied(&self, is_denied: bool) {
        self.cloud.state().denies_images = is_denied;
    }
}
