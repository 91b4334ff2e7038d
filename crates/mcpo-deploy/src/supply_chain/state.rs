//! Reads which attachments an image has. Sends only read requests.

use futures_util::future::try_join_all;
use mcpo_common::error::Outcome;
use serde_json::{Value, json};

use super::{
    dsse,
    key::Key,
    manifest::{Kind, is_layer_of, signature_of, simple_signing},
    provenance,
};
use crate::{
    google::Google,
    image::{MANIFEST_TYPE, digest},
    registry::{MAX_DOCUMENT, Registry},
};

/// The maximum number of signed statements that are read; images have one per signer.
const MAX_STATEMENTS: usize = 16;

/// An attachment that an image has.
#[derive(Debug)]
pub struct Found {
    pub kind: Kind,
    pub manifest_digest: String,
    /// The digest of the document or payload.
    pub layer_digest: String,
    /// The digest of the bill of materials that a verified statement names.
    pub signed_sbom: Option<String>,
}

/// Finds those of the wanted attachments that the image has. With a key, signatures and signed
/// statements of others do not count.
pub async fn find_all(
    registry: &Registry<'_>,
    image: &str,
    wanted: &[Kind],
    key: Option<&Key>,
) -> Outcome<Vec<Found>> {
    let looks = wanted.iter().map(|kind| find(registry, image, *kind, key));
    let found = try_join_all(looks).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn find(
    registry: &Registry<'_>,
    image: &str,
    kind: Kind,
    key: Option<&Key>,
) -> Outcome<Option<Found>> {
    let manifest = registry
        .manifest_at(&kind.tag(image), MANIFEST_TYPE)
        .await?;
    let Some(manifest) = manifest else {
        return Ok(None);
    };
    // The newest layer is the last one.
    let layers = layers(&manifest);
    let newest = layers.iter().rev().filter(|layer| is_layer_of(kind, layer));
    for layer in newest.take(MAX_STATEMENTS) {
        if let Some(signed_sbom) = check(registry, image, kind, key, layer).await? {
            return Ok(Some(Found {
                kind,
                manifest_digest: digest(&manifest),
                layer_digest: layer["digest"].as_str().unwrap_or_default().to_owned(),
                signed_sbom,
            }));
        }
    }
    Ok(None)
}

/// Returns the layers of a manifest.
pub fn layers(manifest: &[u8]) -> Vec<Value> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    manifest["layers"].as_array().cloned().unwrap_or_default()
}

/// Returns `Some` if the layer is about this image, and signed by the key if there is one. The content
/// is the digest of the bill of materials that a signed statement names.
async fn check(
    registry: &Registry<'_>,
    image: &str,
    kind: Kind,
    key: Option<&Key>,
    layer: &Value,
) -> Outcome<Option<Option<String>>> {
    let Some(key) = key else {
        return Ok(Some(None));
    };
    match kind {
        Kind::Sbom | Kind::Provenance => Ok(Some(None)),
        Kind::Signature => {
            let payload = simple_signing(&registry.name(), image);
            let is_signed = layer["digest"] == digest(&payload)
                && signature_of(layer).is_some_and(|made| key.verifies(&payload, &made));
            Ok(is_signed.then_some(None))
        }
        Kind::SignedProvenance => {
            let blob = layer["digest"].as_str().unwrap_or_default();
            let size = layer["size"].as_u64().unwrap_or(u64::MAX);
            // Someone else's statement must not stop a deployment.
            if size > MAX_DOCUMENT {
                return Ok(None);
            }
            let envelope = registry.document(blob, size).await?;
            let verifies = |message: &[u8], made: &[u8]| key.verifies(message, made);
            let statement = dsse::open(&envelope, provenance::MEDIA_TYPE, verifies);
            let statement = statement.filter(|statement| is_about(statement, image));
            Ok(statement.map(|statement| sbom_of(&statement)))
        }
    }
}

/// Returns true if the statement is a provenance of the image.
fn is_about(statement: &[u8], image: &str) -> bool {
    let statement: Value = serde_json::from_slice(statement).unwrap_or_default();
    let hash = image.trim_start_matches("sha256:");
    let subjects = statement["subject"].as_array();
    let mut subjects = subjects.into_iter().flatten();
    statement["predicateType"] == provenance::PREDICATE_TYPE
        && subjects.any(|subject| subject["digest"]["sha256"] == hash)
}

/// Returns the digest of the bill of materials that a statement names.
fn sbom_of(statement: &[u8]) -> Option<String> {
    let statement: Value = serde_json::from_slice(statement).ok()?;
    let byproducts = &statement["predicate"]["runDetails"]["byproducts"];
    let hash = byproducts[0]["digest"]["sha256"].as_str()?;
    Some(format!("sha256:{hash}"))
}

/// Returns true if the attached bill of materials is the one that the signed statement names. Without
/// a statement, nothing shows who attached it.
pub fn is_sbom_signed(found: &[Found]) -> bool {
    let of = |kind| found.iter().find(|one| one.kind == kind);
    let named = of(Kind::SignedProvenance).and_then(|one| one.signed_sbom.as_ref());
    of(Kind::Sbom).is_some_and(|sbom| Some(&sbom.layer_digest) == named)
}

/// What is attached to the image of a revision.
#[derive(Debug)]
pub struct Attached {
    image: String,
    has_sbom: bool,
    provenance: State,
    signature: State,
}

/// The state of an attachment that may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Missing,
    Unsigned,
    /// Signed, but no key is configured that verifies the signature.
    NotVerified,
    /// The configured key did not make the signature.
    OtherKey,
    Verified,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unsigned => "unsigned",
            Self::NotVerified => "not verified",
            Self::OtherKey => "other key",
            Self::Verified => "verified",
        }
    }
}

/// Returns what is attached to an image, or `None` if the image is not in Artifact Registry, or not
/// named by its digest. `key` is the name of the key version that must have signed.
pub async fn attached(
    google: &Google,
    image: &str,
    key: Option<&str>,
) -> Outcome<Option<Attached>> {
    let Some((name, digest)) = image.split_once('@') else {
        return Ok(None);
    };
    let Some(registry) = Registry::of_image(google, name) else {
        return Ok(None);
    };
    let key = match key {
        Some(name) => Some(Key::read(google, name).await?),
        None => None,
    };
    let any = find_all(&registry, digest, &Kind::ALL, None);
    let valid = async {
        match &key {
            Some(key) => find_all(&registry, digest, &Kind::ALL, Some(key)).await,
            None => Ok(Vec::new()),
        }
    };
    let (any, valid) = tokio::try_join!(any, valid)?;
    let has = |list: &[Found], kind| list.iter().any(|found| found.kind == kind);
    let signed = |kind| match (has(&any, kind), has(&valid, kind)) {
        (_, true) => State::Verified,
        (true, false) if key.is_some() => State::OtherKey,
        (true, false) => State::NotVerified,
        (false, false) => State::Missing,
    };
    let provenance = match signed(Kind::SignedProvenance) {
        State::Missing if has(&any, Kind::Provenance) => State::Unsigned,
        state => state,
    };
    Ok(Some(Attached {
        image: image.to_owned(),
        has_sbom: has(&any, Kind::Sbom)
            && (!has(&valid, Kind::SignedProvenance) || is_sbom_signed(&valid)),
        provenance,
        signature: signed(Kind::Signature),
    }))
}

impl Attached {
    /// Returns one line for the terminal.
    pub fn line(&self) -> String {
        let digest = self.image.rsplit("sha256:").next().unwrap_or_default();
        let short: String = digest.chars().take(12).collect();
        let sbom = if self.has_sbom { "attached" } else { "missing" };
        format!(
            "image {short}: bill of materials {sbom}, provenance {}, signature {}",
            self.provenance.name(),
            self.signature.name()
        )
    }

    /// Returns the member of the JSON report.
    pub fn as_json(&self) -> Value {
        json!({
            "image": self.image,
            "sbom": self.has_sbom,
            "provenance": self.provenance.name(),
            "signature": self.signature.name(),
        })
    }
}
