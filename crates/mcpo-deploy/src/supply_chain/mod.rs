//! Documents about the image, attached to it in the registry: a bill of materials, a provenance, and
//! signatures of a key in Cloud KMS.
//!
//! The image itself stays as it is. An attachment that the image already has is not replaced, even if
//! the same image is built again from another commit: it describes the build that made the image.

mod attach;
mod cargo_lock;
mod cargo_manifest;
mod documents;
mod dsse;
mod git;
mod github;
mod key;
mod manifest;
mod package_id;
mod provenance;
mod sbom;
mod state;

pub use self::{
    attach::attach,
    documents::{Build, Documents},
    manifest::{Attachment, image_of_tag, referrers_tag},
    state::{Attached, attached},
};
use mcpo_common::error::Outcome;

use self::{
    key::Key,
    manifest::Kind,
    state::{Found, find_all, is_sbom_signed},
};
use crate::{
    context::Context,
    google::method,
    image::{Blob, Image, MANIFEST_TYPE, describe, digest},
    registry::Registry,
    settings::SupplyChain,
};

/// What an image still lacks.
#[derive(Debug, Default)]
pub struct Pending {
    /// All attachments that the settings ask for.
    wanted: Vec<Kind>,
    /// Those that the image does not have.
    missing: Vec<Kind>,
    /// Whether the registry does not list an attachment that exists.
    is_list_incomplete: bool,
    documents: Documents,
    key: Option<Key>,
}

impl Pending {
    /// Finds what a local image lacks, and makes the missing documents. Only reads.
    pub async fn of_local(
        context: &Context<'_>,
        registry: &Registry<'_>,
        build: &Build<'_>,
        image: &Image,
        is_there: bool,
    ) -> Outcome<Self> {
        let wanted = wanted(&context.settings.supply_chain, true);
        let digest = &image.manifest.digest;
        let digest_there = is_there.then_some(digest.as_str());
        let (mut pending, found) = Self::find(context, registry, wanted, digest_there).await?;
        let has_both = [Kind::Sbom, Kind::SignedProvenance]
            .iter()
            .all(|kind| pending.wanted.contains(kind));
        let is_doubtful = has_both && is_there && !is_sbom_signed(&found);
        if is_doubtful || pending.missing.iter().any(|kind| kind.is_document()) {
            let sbom = found.iter().find(|one| one.kind == Kind::Sbom);
            let sbom = sbom.filter(|_| !has_both);
            let sbom = sbom.map(|one| one.layer_digest.as_str());
            let has_sbom = context.settings.supply_chain.has_sbom;
            pending.documents =
                Documents::make(build, &registry.name(), digest, has_sbom, sbom).await?;
        }
        if is_doubtful {
            pending.replace_doubtful(&found);
        }
        Ok(pending)
    }

    /// Adds what must be made again because no signed statement names the attached bill of materials:
    /// anyone who can push could have attached it.
    fn replace_doubtful(&mut self, found: &[Found]) {
        let made = self.documents.sbom.as_deref().map(digest);
        let of = |kind| found.iter().find(|one| one.kind == kind);
        let attached = of(Kind::Sbom).map(|one| &one.layer_digest);
        let named = of(Kind::SignedProvenance).and_then(|one| one.signed_sbom.as_ref());
        for (kind, is_good) in [
            (Kind::Sbom, attached == made.as_ref()),
            (Kind::SignedProvenance, named == made.as_ref()),
        ] {
            if !is_good && !self.missing.contains(&kind) {
                self.missing.push(kind);
            }
        }
    }

    /// Finds what an image of Cloud Build lacks. `digest` is `None` if the image is not built yet.
    pub async fn of_remote(
        context: &Context<'_>,
        registry: &Registry<'_>,
        digest: Option<&str>,
    ) -> Outcome<Self> {
        let wanted = wanted(&context.settings.supply_chain, false);
        let (pending, _) = Self::find(context, registry, wanted, digest).await?;
        Ok(pending)
    }

    async fn find(
        context: &Context<'_>,
        registry: &Registry<'_>,
        wanted: Vec<Kind>,
        digest: Option<&str>,
    ) -> Outcome<(Self, Vec<Found>)> {
        let key = match &context.settings.supply_chain.key {
            Some(name) => Some(Key::read(&context.google, name).await?),
            None => None,
        };
        let mut pending = Self {
            missing: wanted.clone(),
            key,
            wanted,
            ..Self::default()
        };
        let (Some(digest), false) = (digest, pending.wanted.is_empty()) else {
            return Ok((pending, Vec::new()));
        };
        let found = find_all(registry, digest, &pending.wanted, pending.key.as_ref());
        let (found, listed) = tokio::try_join!(found, registry.referrers(digest))?;
        pending
            .missing
            .retain(|kind| !found.iter().any(|one| one.kind == *kind));
        pending.is_list_incomplete = found
            .iter()
            .any(|one| !listed.contains(&one.manifest_digest));
        Ok((pending, found))
    }

    /// Returns true if the image lacks nothing.
    pub const fn is_empty(&self) -> bool {
        self.missing.is_empty() && !self.is_list_incomplete
    }

    /// Returns the lines of the plan, with the API methods that make the changes.
    pub fn lines(&self) -> Vec<(String, Vec<&'static str>)> {
        let push = "registry.push";
        let mut lines: Vec<_> = self
            .missing
            .iter()
            .map(|kind| match kind {
                Kind::Sbom => ("bill of materials of the image".to_owned(), vec![push]),
                Kind::Provenance => ("provenance of the image".to_owned(), vec![push]),
                Kind::SignedProvenance => (
                    "signed provenance of the image".to_owned(),
                    vec![method::KMS_SIGN.id, push],
                ),
                Kind::Signature => {
                    let key = self.key.as_ref().map_or("", Key::name);
                    let text = format!("signature of the image by {key}");
                    (text, vec![method::KMS_SIGN.id, push])
                }
            })
            .collect();
        if lines.is_empty() && self.is_list_incomplete {
            lines.push(("list of the image's attachments".to_owned(), vec![push]));
        }
        lines
    }
}

/// Returns the attachments that the settings ask for. mcpo does not know what Cloud Build compiled.
fn wanted(settings: &SupplyChain, is_local: bool) -> Vec<Kind> {
    let provenance = match settings.key {
        Some(_) => Kind::SignedProvenance,
        None => Kind::Provenance,
    };
    [
        (Kind::Sbom, is_local && settings.has_sbom),
        (provenance, is_local && settings.has_provenance),
        (Kind::Signature, settings.key.is_some()),
    ]
    .into_iter()
    .filter_map(|(kind, is_wanted)| is_wanted.then_some(kind))
    .collect()
}

/// Returns the attachments of an image in a file, without signatures.
pub async fn for_file(
    settings: &SupplyChain,
    build: &Build<'_>,
    name: &str,
    image: &Image,
) -> Outcome<Vec<Attachment>> {
    if !settings.has_sbom && !settings.has_provenance {
        return Ok(Vec::new());
    }
    let digest = &image.manifest.digest;
    let documents = Documents::make(build, name, digest, settings.has_sbom, None).await?;
    let subject = describe(MANIFEST_TYPE, &image.manifest);
    let kinds = [
        (Kind::Sbom, documents.sbom, settings.has_sbom),
        (
            Kind::Provenance,
            Some(documents.statement),
            settings.has_provenance,
        ),
    ];
    let attachments = kinds.into_iter().filter_map(|(kind, document, is_wanted)| {
        let blob = Blob::new(document.filter(|_| is_wanted)?);
        let layer = manifest::layer(kind, &blob, None);
        Some(Attachment::new(kind, &subject, &[], blob, &layer))
    });
    Ok(attachments.collect())
}
