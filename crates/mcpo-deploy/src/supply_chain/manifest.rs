//! The manifests of attachments: OCI artifacts whose `subject` is the image
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>).
//!
//! Each attachment also has a tag in the form of cosign, so that it is found without the referrers
//! API, and no cleanup policy for untagged images deletes it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{dsse, provenance, sbom};
use crate::image::{Blob, CONFIG_TYPE, MANIFEST_TYPE, describe};

/// The type of an index.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The payload of cosign's signatures.
const SIMPLE_SIGNING_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation of a layer with the signature of its blob, in base64. Envelopes contain their
/// signatures, and have an empty annotation.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The annotation with the type of a predicate, as cosign writes it.
const COSIGN_PREDICATE: &str = "predicateType";
/// The annotation with the type of a predicate, as Docker writes it.
const PREDICATE: &str = "in-toto.io/predicate-type";

/// The kinds of attachments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sbom,
    Provenance,
    SignedProvenance,
    Signature,
}

impl Kind {
    pub const ALL: [Self; 4] = [
        Self::Sbom,
        Self::Provenance,
        Self::SignedProvenance,
        Self::Signature,
    ];

    /// Returns the tag of the attachment of an image.
    pub fn tag(self, digest: &str) -> String {
        let suffix = match self {
            Self::Sbom => "sbom",
            Self::Provenance => "slsa",
            Self::SignedProvenance => "att",
            Self::Signature => "sig",
        };
        format!("{}.{suffix}", referrers_tag(digest))
    }

    const fn artifact_type(self) -> &'static str {
        match self {
            Self::Sbom => sbom::MEDIA_TYPE,
            Self::Provenance => provenance::MEDIA_TYPE,
            Self::SignedProvenance => dsse::MEDIA_TYPE,
            Self::Signature => "application/vnd.dev.cosign.artifact.sig.v1+json",
        }
    }

    const fn layer_type(self) -> &'static str {
        match self {
            Self::Signature => SIMPLE_SIGNING_TYPE,
            _ => self.artifact_type(),
        }
    }

    const fn is_provenance(self) -> bool {
        matches!(self, Self::Provenance | Self::SignedProvenance)
    }

    /// Returns the name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sbom => "bill of materials",
            Self::Provenance => "provenance",
            Self::SignedProvenance => "signed provenance",
            Self::Signature => "signature",
        }
    }

    /// Returns true if the attachment contains a document about the build.
    pub const fn is_document(self) -> bool {
        !matches!(self, Self::Signature)
    }

    /// Returns true if other signers add layers to the same manifest.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::SignedProvenance | Self::Signature)
    }
}

/// Returns the tag of the list of an image's attachments
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>).
pub fn referrers_tag(digest: &str) -> String {
    digest.replace(':', "-")
}

/// Returns the digest of the image that the tag of an attachment, or of the list of attachments,
/// belongs to.
pub fn image_of_tag(tag: &str) -> Option<String> {
    let name = tag.split('.').next()?;
    let digest = name.replacen('-', ":", 1);
    let is_tag = tag == name || Kind::ALL.iter().any(|kind| kind.tag(&digest) == tag);
    let hash = digest.strip_prefix("sha256:")?;
    let is_hash = hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
    (is_tag && is_hash).then_some(digest)
}

/// Returns the payload of a signature, in the form that cosign verifies
/// (<https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>).
pub fn simple_signing(name: &str, digest: &str) -> Vec<u8> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": name },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    payload.to_string().into_bytes()
}

/// Returns the descriptor of a layer.
pub fn layer(kind: Kind, blob: &Blob, signature: Option<&[u8]>) -> Value {
    let mut layer = describe(kind.layer_type(), blob);
    if kind.is_provenance() {
        // Docker does not unpack images whose layers have this annotation.
        layer["annotations"][PREDICATE] = provenance::PREDICATE_TYPE.into();
    }
    if kind == Kind::SignedProvenance {
        layer["annotations"][COSIGN_PREDICATE] = provenance::PREDICATE_TYPE.into();
        layer["annotations"][SIGNATURE] = "".into();
    }
    if let Some(signature) = signature {
        layer["annotations"][SIGNATURE] = BASE64_STANDARD.encode(signature).into();
    }
    layer
}

/// Returns true if the layer has the content of this kind.
pub fn is_layer_of(kind: Kind, layer: &Value) -> bool {
    let predicate = || {
        let annotations = &layer["annotations"];
        [PREDICATE, COSIGN_PREDICATE]
            .iter()
            .any(|name| annotations[*name] == provenance::PREDICATE_TYPE)
    };
    layer["mediaType"] == kind.layer_type() && (!kind.is_provenance() || predicate())
}

/// Returns the signature in the annotation of a layer.
pub fn signature_of(layer: &Value) -> Option<Vec<u8>> {
    let text = layer["annotations"][SIGNATURE].as_str()?;
    BASE64_STANDARD.decode(text).ok()
}

/// An attachment that is ready to push.
#[derive(Clone, Debug)]
pub struct Attachment {
    pub config: Blob,
    pub layer: Blob,
    pub manifest: Blob,
    /// The descriptor for the list of attachments.
    pub descriptor: Value,
}

impl Attachment {
    /// Makes the manifest. `others` are the layers of other signers, which are kept.
    pub fn new(kind: Kind, subject: &Value, others: &[Value], blob: Blob, layer: &Value) -> Self {
        let layers: Vec<_> = others.iter().chain([layer]).collect();
        let (config_type, config) = if kind.is_shared() {
            // cosign reads the configuration when it adds a signature.
            let diff_ids: Vec<_> = layers.iter().map(|layer| &layer["digest"]).collect();
            let config = json!({
                "architecture": "", "os": "", "config": {},
                "rootfs": { "type": "layers", "diff_ids": diff_ids },
            });
            (CONFIG_TYPE, Blob::new(config.to_string().into_bytes()))
        } else {
            (EMPTY_TYPE, Blob::new(b"{}".to_vec()))
        };
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind.artifact_type(),
            "config": describe(config_type, &config),
            "layers": layers,
            "subject": subject,
        });
        let annotations = kind
            .is_provenance()
            .then(|| json!({ PREDICATE: provenance::PREDICATE_TYPE }));
        if let Some(annotations) = &annotations {
            manifest["annotations"] = annotations.clone();
        }
        let manifest = Blob::new(manifest.to_string().into_bytes());
        let mut descriptor = describe(MANIFEST_TYPE, &manifest);
        descriptor["artifactType"] = kind.artifact_type().into();
        if let Some(annotations) = annotations {
            descriptor["annotations"] = annotations;
        }
        Self {
            config,
            layer: blob,
            manifest,
            descriptor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_attachments_name_their_image() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for kind in Kind::ALL {
            assert_eq!(image_of_tag(&kind.tag(&digest)), Some(digest.clone()));
        }
        let tag = referrers_tag(&digest);
        assert_eq!(image_of_tag(&tag), Some(digest));
        for other in [&tag[1..], &format!("{tag}.sigs"), "latest", "sha256-0a"] {
            assert_eq!(image_of_tag(other), None, "{other}");
        }
    }
}
