//! Writes the provenance: an in-toto statement
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>) with SLSA's predicate
//! (<https://slsa.dev/spec/v1.0/provenance>).
//!
//! The statement contains only what this run knows: no times, no user names and no paths of this
//! machine.

use serde_json::{Value, json};

use super::{git::Commit, github::Workflow};
use crate::build::Toolchain;

/// The type of the predicate.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The type of the statement.
pub const MEDIA_TYPE: &str = "application/vnd.in-toto+json";
/// The kind of build, which `docs/supply-chain.md` describes.
const BUILD_TYPE: &str = "urn:mcpo:build:cargo-image:v1";
/// Who built the image: mcpo, on a machine about which nothing is proven.
const BUILDER: &str = "urn:mcpo:builder:unverified-machine";

/// The build that the provenance describes.
pub struct Build<'a> {
    /// The image's name, without tag and digest.
    pub name: &'a str,
    /// The image's digest, `sha256:…`.
    pub digest: &'a str,
    pub package: &'a str,
    pub executable: &'a str,
    pub features: &'a [String],
    pub has_default_features: bool,
    pub target: &'a str,
    /// The digest of `Cargo.lock`, `sha256:…`.
    pub lock_digest: &'a str,
    pub toolchain: Option<&'a Toolchain>,
    /// `None` if the source is not exactly that of a commit.
    pub commit: Option<&'a Commit>,
    pub workflow: Option<&'a Workflow>,
    /// The digest of the bill of materials, if there is one.
    pub sbom_digest: Option<&'a str>,
}

/// Returns the statement.
pub fn statement(build: &Build<'_>) -> Vec<u8> {
    let mut dependencies = Vec::new();
    if let Some(commit) = build.commit {
        let mut source = json!({ "name": "source", "digest": { "gitCommit": commit.hash } });
        if let Some(url) = &commit.url {
            source["uri"] = format!("git+{url}").into();
        }
        dependencies.push(source);
    }
    dependencies.push(json!({ "name": "Cargo.lock", "digest": sha256(build.lock_digest) }));
    if let Some(toolchain) = build.toolchain {
        let mut compiler = json!({
            "name": "rustc", "annotations": { "release": toolchain.release },
        });
        if let Some(commit) = &toolchain.commit {
            compiler["uri"] = "git+https://github.com/rust-lang/rust".into();
            compiler["digest"] = json!({ "gitCommit": commit });
        }
        dependencies.push(compiler);
    }
    let mut run = json!({
        "builder": { "id": BUILDER, "version": { "mcpo": env!("CARGO_PKG_VERSION") } },
    });
    let mut internal = json!({});
    if let Some(workflow) = build.workflow {
        run["metadata"] = json!({ "invocationId": workflow.run });
        internal["github"] = workflow.claims();
    }
    if let Some(digest) = build.sbom_digest {
        run["byproducts"] = json!([{
            "name": "sbom.cdx.json",
            "digest": sha256(digest),
            "mediaType": super::sbom::MEDIA_TYPE,
        }]);
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": build.name, "digest": sha256(build.digest) }],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "package": build.package,
                    "executable": build.executable,
                    "features": build.features,
                    "defaultFeatures": build.has_default_features,
                    "target": build.target,
                    "profile": "release",
                },
                "internalParameters": internal,
                "resolvedDependencies": dependencies,
            },
            "runDetails": run,
        },
    });
    statement.to_string().into_bytes()
}

fn sha256(digest: &str) -> Value {
    json!({ "sha256": digest.trim_start_matches("sha256:") })
}
