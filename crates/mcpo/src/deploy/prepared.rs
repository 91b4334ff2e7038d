//! What is to be released: built or packed before anything is changed, brought to the registry after.

use std::time::{Duration, Instant};

use super::{
    args::DeployArgs,
    build::{self, Target},
    context::Context,
    elsewhere,
    image::Image,
    plan::Observed,
    registry::Registry,
    remote::{self, Source},
    report,
};
use crate::{error::Outcome, package::Package};

/// What is to be released: made here, or to be made in the cloud.
pub enum Work {
    Here(Box<Image>),
    There(Source),
}

/// Work, the image's reference as far as it is known, and whether the registry has it.
pub struct Prepared {
    pub work: Work,
    pub reference: Option<String>,
    pub is_there: bool,
    /// How long the compiler took, which is not our time.
    pub built: Duration,
}

/// Builds here, or packs the source for a build in the cloud.
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
            is_there: digest.is_some(),
            reference: digest.map(|digest| registry.reference(&digest)),
            work: Work::There(source),
            built: Duration::ZERO,
        });
    }
    let target = Target::choose().await.ok_or_else(build::unbuildable)?;
    let building = Instant::now();
    let executable = build::build(package, &context.settings.features, target, context.ui).await?;
    let built = building.elapsed();
    let image = Image::pack(&executable)?;
    let digest = &image.manifest.digest;
    Ok(Prepared {
        reference: Some(registry.reference(digest)),
        is_there: seen.has_repository && registry.has(digest).await?,
        work: Work::Here(Box::new(image)),
        built,
    })
}

/// Brings what is missing of the image to the registry; returns its reference.
pub async fn push(context: &Context<'_>, image: &Image, seen: &Observed) -> Outcome<String> {
    let began = Instant::now();
    let digest = &image.manifest.digest;
    let elsewhere = elsewhere::images(context, digest, seen).await;
    let progress = context.ui.bar("pushing", image.layer.bytes.len() as u64);
    let registry = Registry::new(&context.google, &context.names);
    let reference = registry.reference(digest);
    let making = context.made.begin(format!("image {reference}"));
    let pushed = registry.push(image, &elsewhere, &progress).await;
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
        Some(from) => format!(", the rest taken from {from}"),
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
