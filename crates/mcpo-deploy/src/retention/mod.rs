//! Deletes old revisions, and the images and secret versions that only they used.
//!
//! The plan lists what will be deleted. After the release is verified, the lists are read again, and
//! only what the plan listed and what still is not needed is deleted: revisions first, so that a run
//! that is interrupted leaves no revision without its image and its secrets.

mod carry_out;
mod choose;
mod inventory;
#[cfg(test)]
mod model;
mod needed;

use serde_json::{Value, json};

pub use self::{
    carry_out::{Cleaned, carry_out},
    choose::{NextRelease, plan},
    inventory::Inventory,
};
use crate::{google::method, plan::Line, settings::Settings};

/// The most resources of each kind that one run deletes, so that the first run in an old project does
/// not take many minutes. The next runs delete the others.
const MOST: usize = 50;
/// The most names in one line of the plan.
const NAMES: usize = 3;

/// What to delete, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// Short names.
    pub revisions: Vec<String>,
    /// Digests.
    pub images: Vec<String>,
    /// The digests of the attachments of these images, such as bills of materials.
    pub attachments: Vec<String>,
    pub secret_versions: Vec<OldVersion>,
}

/// A version of a secret that no kept revision uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldVersion {
    /// The secret's id.
    pub secret: String,
    pub number: u64,
    /// Changes with the version's state.
    pub etag: String,
}

impl OldVersion {
    /// Returns `SECRET:NUMBER`, as in the settings.
    fn name(&self) -> String {
        format!("{}:{}", self.secret, self.number)
    }
}

impl Cleanup {
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty() && self.images.is_empty() && self.secret_versions.is_empty()
    }

    /// Returns the lines of the plan.
    pub fn lines(&self, settings: &Settings) -> Vec<Line> {
        let kept = settings.keep_revisions.unwrap_or_default();
        let images: Vec<_> = self.images.iter().map(|digest| short(digest)).collect();
        let versions: Vec<_> = self.secret_versions.iter().map(OldVersion::name).collect();
        let lines = [
            (
                "revision",
                format!("older than the {kept} to keep"),
                &self.revisions,
                method::REVISION_DELETE.id,
            ),
            (
                "image",
                "that no kept revision uses, with the attachments".to_owned(),
                &images,
                method::VERSION_DELETE.id,
            ),
            (
                "secret version",
                "that no kept revision uses".to_owned(),
                &versions,
                method::SECRET_DESTROY.id,
            ),
        ];
        let lines = lines
            .into_iter()
            .filter(|(_, _, names, _)| !names.is_empty());
        lines
            .map(|(what, why, names, method)| Line {
                sign: '-',
                text: format!(
                    "{} {why}: {}",
                    mcpo_common::text::count(names.len(), what),
                    shortened(names)
                ),
                methods: vec![method],
            })
            .collect()
    }

    /// Returns the names of all resources, for the JSON report.
    pub fn as_json(&self) -> Value {
        let versions: Vec<_> = self.secret_versions.iter().map(OldVersion::name).collect();
        json!({
            "revisions": self.revisions,
            "images": self.images,
            "attachments": self.attachments,
            "secret_versions": versions,
        })
    }

    /// Keeps only what is in both.
    fn intersection(&self, other: &Self) -> Self {
        fn both<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Vec<T> {
            let in_other = one.iter().filter(|item| other.contains(item));
            in_other.cloned().collect()
        }
        Self {
            revisions: both(&self.revisions, &other.revisions),
            images: both(&self.images, &other.images),
            attachments: both(&self.attachments, &other.attachments),
            secret_versions: both(&self.secret_versions, &other.secret_versions),
        }
    }
}

/// Returns the beginning of a digest.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// Returns the first names, and how many more there are.
fn shortened(names: &[String]) -> String {
    let first = names.get(..NAMES).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
