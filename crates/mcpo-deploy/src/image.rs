//! Packs the image: one layer with the executable, the root certificates and `/tmp`. The same
//! executable always results in the same digest.

use std::io;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use mcpo_common::error::{Failure, Outcome};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use crate::gzip;

pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The path of the root certificates in the image.
pub const CERTIFICATES_PATH: &str = "etc/ssl/certs/ca-certificates.crt";
/// The `nonroot` user, as in distroless images.
const USER: u64 = 65_532;

/// An image that is ready to push.
#[derive(Debug)]
pub struct Image {
    pub layer: Blob,
    pub config: Blob,
    pub manifest: Blob,
}

/// A blob and its digest.
#[derive(Clone, Debug)]
pub struct Blob {
    pub bytes: Bytes,
    pub digest: String,
}

impl Blob {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: digest(&bytes),
            bytes: bytes.into(),
        }
    }
}

impl Image {
    /// Returns the size of all blobs in bytes.
    pub fn size(&self) -> u64 {
        let blobs = [&self.layer, &self.config, &self.manifest];
        blobs.iter().map(|blob| blob.bytes.len() as u64).sum()
    }

    /// Packs the executable into an image.
    pub fn pack(executable: &[u8]) -> Outcome<Self> {
        let failed = |error: io::Error| Failure::new("failed to pack the image").because(&error);
        let tar = archive(executable).map_err(failed)?;
        let layer = Blob::new(gzip::compress(&tar)?);
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Entrypoint": ["/server"],
                "User": format!("{USER}:{USER}"),
                "WorkingDir": "/tmp",
            },
            "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "mcpo deploy" }],
        });
        let config = Blob::new(config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": describe(CONFIG_TYPE, &config),
            "layers": [describe(LAYER_TYPE, &layer)],
        });
        Ok(Self {
            manifest: Blob::new(manifest.to_string().into_bytes()),
            config,
            layer,
        })
    }
}

/// Returns the descriptor of a blob.
pub fn describe(media_type: &str, blob: &Blob) -> serde_json::Value {
    json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.bytes.len() })
}

/// Returns `sha256:…`.
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn archive(executable: &[u8]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for folder in ["etc/", "etc/ssl/", "etc/ssl/certs/"] {
        append(&mut tar, folder, EntryType::Directory, 0o755, &[])?;
    }
    let roots = certificates();
    append(
        &mut tar,
        CERTIFICATES_PATH,
        EntryType::Regular,
        0o644,
        roots.as_bytes(),
    )?;
    append(&mut tar, "server", EntryType::Regular, 0o755, executable)?;
    append(&mut tar, "tmp/", EntryType::Directory, 0o1777, &[])?;
    tar.into_inner()
}

fn append(
    tar: &mut Builder<Vec<u8>>,
    path: &str,
    kind: EntryType,
    mode: u32,
    data: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(USER);
    header.set_gid(USER);
    header.set_mtime(0);
    header.set_size(data.len() as u64);
    header.set_cksum();
    tar.append(&header, data)
}

/// Returns Mozilla's root certificates in PEM. The roots of this machine must not end up in an
/// image.
pub fn certificates() -> String {
    let mut text = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in BASE64_STANDARD.encode(certificate).as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn same_executable_gives_the_same_digest() {
        let pack = |bytes: &[u8]| Image::pack(bytes).unwrap().manifest.digest;
        assert_eq!(pack(b"one"), pack(b"one"));
        assert_ne!(pack(b"one"), pack(b"two"));
    }
}
