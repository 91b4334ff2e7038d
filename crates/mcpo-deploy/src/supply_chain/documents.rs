//! Makes the documents about a build on this machine.

use std::env;

use mcpo_common::{error::Outcome, package::Package};

use super::{
    cargo_lock::CargoLock,
    git,
    github::Workflow,
    provenance::{self, statement},
    sbom,
};
use crate::{
    build::{Built, toolchain},
    image::digest,
    settings::Features,
};

/// A build on this machine.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    pub package: &'a Package,
    pub features: &'a Features,
    pub built: &'a Built,
}

/// The documents about one image.
#[derive(Debug, Default)]
pub struct Documents {
    /// `None` if the settings ask for none.
    pub sbom: Option<Vec<u8>>,
    /// The statement of the provenance.
    pub statement: Vec<u8>,
}

impl Documents {
    /// Makes the documents about the image `digest` with this name. `attached_sbom` is the digest of
    /// the bill of materials that the image already has.
    pub async fn make(
        build: &Build<'_>,
        name: &str,
        image: &str,
        has_sbom: bool,
        attached_sbom: Option<&str>,
    ) -> Outcome<Self> {
        let Build {
            package,
            features,
            built,
        } = build;
        let (lock, lock_text) = CargoLock::read(&package.workspace)?;
        let (toolchain, commit) =
            tokio::join!(toolchain(&package.folder), git::commit(&package.folder));
        let sbom = has_sbom.then(|| {
            sbom::document(&sbom::Contents {
                package: &package.name,
                executable: &built.executable,
                packages: &built.packages,
                lock: &lock,
                toolchain: toolchain.as_ref(),
            })
        });
        let sbom_digest = match (attached_sbom, &sbom) {
            (Some(attached), _) => Some(attached.to_owned()),
            (None, made) => made.as_deref().map(digest),
        };
        let workflow = Workflow::find(|name| env::var(name).ok());
        let statement = statement(&provenance::Build {
            name,
            digest: image,
            package: &package.name,
            executable: &package.executable,
            features: &features.named,
            has_default_features: features.has_default,
            target: built.target.triple(),
            lock_digest: &digest(&lock_text),
            toolchain: toolchain.as_ref(),
            commit: commit.as_ref(),
            workflow: workflow.as_ref(),
            sbom_digest: sbom_digest.as_deref(),
        });
        Ok(Self { sbom, statement })
    }
}
