//! Prepares the image before anything is changed, and pushes it afterwards.

use std::time::{Duration, Instant};

use mcpo_common::{error::Outcome, package::Package};

use crate::{
    args::DeployArgs,
    blob_mount,
    build::{self, Target},
    context::Context,
    image::Image,
    plan::{ImageState, Observed},
    registry::Registry,
    remote::{self, Source},
    report,
    supply_chain::{self, Pending},
};

/// What the image is made of: an image that was built locally, or the source for Cloud Build.
pub enum Artifact {
    LocalImage(Box<Image>),
    RemoteSource(Source),
}

/// The artifact, the reference of its image if that is known, and whether the registry has the image
/// already.
pub struct Prepared {
    pub artifact: Artifact,
    pub reference: Option<String>,
    pub is_there: bool,
    /// What is attached to the image.
    pub attachments: Pending,
    /// How long the compiler ran. The reported deployment time excludes it.
    pub built: Duration,
}

impl Prepared {
    /// Returns the size of the image in bytes; `None` if Cloud Build makes it.
    pub fn image_size(&self) -> Option<u64> {
        match &self.artifact {
            Artifact::LocalImage(image) => Some(image.size()),
            Artifact::RemoteSource(_) => None,
        }
    }

    /// Returns what is known about the image for the plan.
    pub fn image_state(&self) -> ImageState<'_> {
        match &self.reference {
            Some(reference) => ImageState::Known {
                reference,
                is_there: self.is_there,
            },
            None => ImageState::Unknown,
        }
    }
}

/// Builds the image locally, or packs the source for Cloud Build.
pub async fn prepare(
    args: &DeployArgs,
    context: &Context<'_>,
    package: &Package,
    seen: &Observed,
) -> Outcome<Prepared> {
    let registry = Registry::new(&context.google, &context.names);
    if args.remote_build {
        let source = remote::pack(package, &context.settings.features)?;
        for what in &source.left_out {
            context.ui.warn(format_args!("not sent: {what}"));
        }
        let digest = if seen.has_repository {
            remote::find(context, &source).await?
        } else {
            None
        };
        return Ok(Prepared {
            attachments: Pending::of_remote(context, &registry, digest.as_deref()).await?,
            is_there: digest.is_some(),
            reference: digest.map(|digest| registry.reference(&digest)),
            artifact: Artifact::RemoteSource(source),
            built: Duration::ZERO,
        });
    }
    let target = Target::choose().await.ok_or_else(build::unbuildable)?;
    let building = Instant::now();
    let features = &context.settings.features;
    let built = build::build(package, features, target, context.ui).await?;
    let compiling = building.elapsed();
    let image = Image::pack(&built.executable)?;
    let digest = &image.manifest.digest;
    let is_there = seen.has_repository && registry.has(digest).await?;
    let subject = supply_chain::Build {
        package,
        features,
        built: &built,
    };
    Ok(Prepared {
        attachments: Pending::of_local(context, &registry, &subject, &image, is_there).await?,
        reference: Some(registry.reference(digest)),
        is_there,
        artifact: Artifact::LocalImage(Box::new(image)),
        built: compiling,
    })
}

/// Pushes the missing parts of the image and returns its reference.
pub async fn push(
    context: &Context<'_>,
    registry: &Registry<'_>,
    image: &Image,
    seen: &Observed,
) -> Outcome<String> {
    let began = Instant::now();
    let digest = &image.manifest.digest;
    let mount_from = blob_mount::images(context, digest, seen).await;
    let progress = context.ui.bar("pushing", image.layer.bytes.len() as u64);
    let reference = registry.reference(digest);
    let making = context.made.begin(format!("image {reference}"));
    let pushed = registry.push(image, &mount_from, &progress).await;
    progress.finish_and_clear();
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(failure) => {
            making.not_made();
            return Err(failure);
        }
    };
    making.done();
    let kibibytes = pushed.uploaded / 1024;
    let taken = match pushed.mounted {
        Some(from) => format!(", the rest reused from {from}"),
        None => String::new(),
    };
    context.ui.step(
        "Pushed",
        format_args!(
            "{kibibytes} KiB in {}{taken}",
            report::seconds(began.elapsed())
        ),
    );
    Ok(reference)
}
