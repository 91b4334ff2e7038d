//! Pushes the attachments that an image lacks, and lists them.

use std::time::Instant;

use mcpo_common::error::{Failure, Outcome};
use serde_json::{Value, json};

use super::{
    Pending, dsse,
    key::Key,
    manifest::{self, Attachment, INDEX_TYPE, Kind, referrers_tag, simple_signing},
    provenance,
    state::layers,
};
use crate::{
    context::Context,
    image::{Blob, MANIFEST_TYPE, describe},
    registry::Registry,
    report::seconds,
};

/// Pushes the missing attachments of the image `digest`, which the registry has, and lists them.
/// Each step is found again by a later run.
pub async fn attach(
    context: &Context<'_>,
    registry: &Registry<'_>,
    pending: &Pending,
    digest: &str,
) -> Outcome<()> {
    if pending.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    let image = registry.image_manifest(digest).await?;
    let image = image.ok_or_else(|| Failure::new(format!("the image {digest} is missing")))?;
    let subject = describe(&media_type(&image), &Blob::new(image.to_vec()));
    // One after the other: they share a blob, and a registry may lose one of two uploads at the same
    // time. The provenance names the bill of materials, so that one comes first.
    let order = Kind::ALL
        .iter()
        .filter(|kind| pending.missing.contains(kind));
    let mut descriptors = Vec::new();
    for kind in order {
        let attachment = push(context, registry, pending, *kind, &subject).await?;
        descriptors.push(attachment.descriptor);
    }
    for kind in &pending.wanted {
        if !pending.missing.contains(kind) {
            let tag = kind.tag(digest);
            let manifest = registry.manifest_at(&tag, MANIFEST_TYPE).await?;
            descriptors.extend(manifest.map(|bytes| descriptor(bytes.to_vec())));
        }
    }
    list(registry, digest, &descriptors).await?;
    let what: Vec<_> = pending.missing.iter().map(|kind| kind.name()).collect();
    let what = if what.is_empty() {
        "list of the attachments".to_owned()
    } else {
        what.join(", ")
    };
    context.ui.step(
        "Attached",
        format_args!("{what} in {}", seconds(began.elapsed())),
    );
    Ok(())
}

/// Returns the type of a manifest.
fn media_type(manifest: &[u8]) -> String {
    let content: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let named = content["mediaType"].as_str();
    named.unwrap_or(MANIFEST_TYPE).to_owned()
}

/// Pushes one attachment.
async fn push(
    context: &Context<'_>,
    registry: &Registry<'_>,
    pending: &Pending,
    kind: Kind,
    subject: &Value,
) -> Outcome<Attachment> {
    let digest = subject["digest"].as_str().unwrap_or_default();
    let google = &context.google;
    let documents = &pending.documents;
    let (bytes, signature) = match kind {
        Kind::Sbom => (documents.sbom.clone().unwrap_or_default(), None),
        Kind::Provenance => (documents.statement.clone(), None),
        Kind::SignedProvenance => {
            let statement = &documents.statement;
            let message = dsse::message(provenance::MEDIA_TYPE, statement);
            let signature = key(pending)?.sign(google, &message).await?;
            let envelope = dsse::envelope(provenance::MEDIA_TYPE, statement, &signature);
            (envelope, None)
        }
        Kind::Signature => {
            let payload = simple_signing(&registry.name(), digest);
            let signature = key(pending)?.sign(google, &payload).await?;
            (payload, Some(signature))
        }
    };
    let blob = Blob::new(bytes);
    let layer = manifest::layer(kind, &blob, signature.as_deref());
    let tag = kind.tag(digest);
    let others = if kind.is_shared() {
        let existing = registry.manifest_at(&tag, MANIFEST_TYPE).await?;
        existing.map(|bytes| layers(&bytes)).unwrap_or_default()
    } else {
        Vec::new()
    };
    let attachment = Attachment::new(kind, subject, &others, blob, &layer);
    let making = context.made.begin(format!("{} of the image", kind.name()));
    registry.push_document(&attachment.config).await?;
    registry.push_document(&attachment.layer).await?;
    registry
        .push_manifest(&tag, MANIFEST_TYPE, &attachment.manifest.bytes)
        .await?;
    making.done();
    Ok(attachment)
}

fn key(pending: &Pending) -> Outcome<&Key> {
    let key = pending.key.as_ref();
    key.ok_or_else(|| Failure::new("there is no key to sign with"))
}

/// Returns the descriptor of an attachment that the registry has.
fn descriptor(manifest: Vec<u8>) -> Value {
    let content: Value = serde_json::from_slice(&manifest).unwrap_or_default();
    let mut descriptor = describe(MANIFEST_TYPE, &Blob::new(manifest));
    for name in ["artifactType", "annotations"] {
        if !content[name].is_null() {
            descriptor[name] = content[name].clone();
        }
    }
    descriptor
}

/// Adds the attachments to the list of an image, unless the registry keeps the list itself.
async fn list(registry: &Registry<'_>, digest: &str, descriptors: &[Value]) -> Outcome<()> {
    let listed = registry.referrers(digest).await?;
    let is_listed = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        listed.iter().any(|one| one == digest)
    };
    let unlisted: Vec<_> = descriptors.iter().filter(|it| !is_listed(it)).collect();
    if unlisted.is_empty() {
        return Ok(());
    }
    let tag = referrers_tag(digest);
    let mut index = match registry.manifest_at(&tag, INDEX_TYPE).await? {
        Some(bytes) => serde_json::from_slice::<Value>(&bytes).map_err(|error| {
            Failure::new(format!("the tag {tag} is not a list of attachments")).because(&error)
        })?,
        None => json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [] }),
    };
    let Some(manifests) = index["manifests"].as_array_mut() else {
        return Err(Failure::new(format!(
            "the tag {tag} is not a list of attachments"
        )));
    };
    let is_known = |known: &[Value], new: &Value| {
        let mut known = known.iter();
        known.any(|one| one["digest"] == new["digest"])
    };
    for new in unlisted {
        if !is_known(manifests, new) {
            manifests.push(new.clone());
        }
    }
    let bytes = index.to_string().into_bytes().into();
    registry.push_manifest(&tag, INDEX_TYPE, &bytes).await
}
