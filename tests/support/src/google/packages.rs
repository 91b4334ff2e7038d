//! Reads the registry's files: Artifact Registry's packages, versions and tags.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::registry::Registry;

impl Registry {
    /// Deletes an image with all its versions.
    pub fn forget(&self, package: &str) -> Option<()> {
        fs::remove_dir_all(self.place(package)?).ok()
    }

    /// Deletes one version of an image and its tags.
    pub fn forget_version(&self, package: &str, digest: &str) -> Option<()> {
        let manifests = self.place(package)?.join("_manifests");
        let hash = digest.strip_prefix("sha256:")?;
        fs::remove_dir_all(manifests.join("revisions/sha256").join(hash)).ok()?;
        for (tag, leads_to) in self.tags(package) {
            if leads_to == digest {
                fs::remove_dir_all(manifests.join("tags").join(tag)).ok()?;
            }
        }
        Some(())
    }

    /// Removes a tag of an image, if it exists.
    pub fn untag(&self, package: &str, tag: &str) {
        if let Some(place) = self.place(package) {
            let _ = fs::remove_dir_all(place.join("_manifests/tags").join(tag));
        }
    }

    /// Returns true if the image exists.
    pub fn has(&self, package: &str) -> bool {
        self.place(package).is_some_and(|place| place.is_dir())
    }

    /// Returns the digests of an image's versions.
    pub fn versions(&self, package: &str) -> Vec<String> {
        let place = self.place(package);
        let revisions = place.map(|place| place.join("_manifests/revisions/sha256"));
        let mut found: Vec<_> = names_in(revisions)
            .map(|hash| format!("sha256:{hash}"))
            .collect();
        found.sort();
        found
    }

    /// Returns when a version was pushed, since 1970.
    pub fn pushed(&self, package: &str, digest: &str) -> Option<Duration> {
        let hash = digest.strip_prefix("sha256:")?;
        let revisions = self.place(package)?.join("_manifests/revisions/sha256");
        let link = fs::metadata(revisions.join(hash).join("link")).ok()?;
        let written = link.modified().ok()?;
        written.duration_since(SystemTime::UNIX_EPOCH).ok()
    }

    /// Returns the tags of an image and their digests.
    pub fn tags(&self, package: &str) -> Vec<(String, String)> {
        let tags = self
            .place(package)
            .map(|place| place.join("_manifests/tags"));
        let mut found: Vec<_> = names_in(tags.clone())
            .filter_map(|tag| {
                let link = tags.as_ref()?.join(&tag).join("current/link");
                Some((tag, fs::read_to_string(link).ok()?))
            })
            .collect();
        found.sort();
        found
    }

    /// Returns the folder in which the registry stores the image's metadata.
    fn place(&self, package: &str) -> Option<PathBuf> {
        let mut parts = package.split('/');
        let mut after = |name: &str| parts.by_ref().skip_while(|part| *part != name).nth(1);
        let (project, repository, image) = (
            after("projects")?,
            after("repositories")?,
            after("packages")?,
        );
        let repositories = self.folder.join("blobs/docker/registry/v2/repositories");
        Some(repositories.join(project).join(repository).join(image))
    }
}

fn names_in(folder: Option<PathBuf>) -> impl Iterator<Item = String> {
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}
