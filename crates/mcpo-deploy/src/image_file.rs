//! Writes the image to a file instead of deploying it, for other hosts. Sends no requests.
//!
//! The file is a tar archive in the OCI image layout. Docker without the containerd image store reads
//! only the `manifest.json` of `docker save`, so the archive contains that too.

use std::{collections::BTreeSet, fs, io, path::Path};

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
    replace_file::replace_file,
    ui::Ui,
};
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::{
    build::{self, Target},
    image::{Blob, Image, MANIFEST_TYPE, describe},
    report,
    settings::Settings,
    supply_chain::{self, Attachment},
};

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const TAG: &str = "latest";

/// Builds the package, and writes its image to `file`.
pub async fn write(
    file: &Path,
    package: &Package,
    settings: &Settings,
    as_json: bool,
    ui: &Ui,
) -> Outcome {
    // The file is replaced, which must not happen to a device such as /dev/stdout.
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        let what = format!("{} is not a regular file", file.display());
        return Err(Failure::new(what).hint("use --image-file with the name of a new file"));
    }
    let target = Target::choose().await.ok_or_else(unbuildable)?;
    let built = build::build(package, &settings.features, target, ui).await?;
    let image = Image::pack(&built.executable)?;
    let name = name(&settings.service);
    let subject = supply_chain::Build {
        package,
        features: &settings.features,
        built: &built,
    };
    let attachments =
        supply_chain::for_file(&settings.supply_chain, &subject, &name, &image).await?;
    let archive = archive(&image, &attachments, &name)
        .map_err(|error| Failure::new("failed to pack the image").because(&error))?;
    replace_file(file, &archive).map_err(|error| {
        Failure::new(format!("failed to write {}", file.display())).because(&error)
    })?;
    let reference = format!("{name}:{TAG}");
    let digest = &image.manifest.digest;
    if as_json {
        let (path, bytes) = (file.display().to_string(), archive.len());
        ui.result(report::image_file_as_json(&path, bytes, &reference, digest));
    } else {
        let kibibytes = archive.len() / 1024;
        ui.step("Wrote", format_args!("{reference} ({kibibytes} KiB)"));
        ui.result(file.display());
    }
    Ok(Exit::Success)
}

fn unbuildable() -> Failure {
    build::unbuildable().hint(
        "install a musl C compiler and run: rustup target add x86_64-unknown-linux-musl; or build the \
         image with Docker: mcpo deploy --show-dockerfile",
    )
}

/// Returns a name that every reader of images accepts: lower-case letters and digits, with single
/// hyphens between them.
fn name(service: &str) -> String {
    let lower = service.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return "server".to_owned();
    }
    words.join("-")
}

/// Returns the archive. The same image, attachments and name always result in the same bytes.
fn archive(image: &Image, attachments: &[Attachment], name: &str) -> io::Result<Vec<u8>> {
    let mut manifest = describe(MANIFEST_TYPE, &image.manifest);
    manifest["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    manifest["annotations"] = json!({
        "org.opencontainers.image.ref.name": TAG,
        // Docker with the containerd image store and `ctr images import` take the name from here.
        "io.containerd.image.name": format!("docker.io/library/{name}:{TAG}"),
    });
    let manifests: Vec<_> = [manifest]
        .into_iter()
        .chain(
            attachments
                .iter()
                .map(|it| entry(it, &image.manifest.digest)),
        )
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests });
    let of_docker = json!([{
        "Config": path(&image.config),
        "RepoTags": [format!("{name}:{TAG}")],
        "Layers": [path(&image.layer)],
    }]);
    let mut tar = Builder::new(Vec::new());
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    add_json(&mut tar, "oci-layout", &layout)?;
    add_json(&mut tar, "index.json", &index)?;
    add_json(&mut tar, "manifest.json", &of_docker)?;
    let of_attachments = attachments
        .iter()
        .flat_map(|it| [&it.manifest, &it.config, &it.layer]);
    let mut written = BTreeSet::new();
    for blob in [&image.manifest, &image.config, &image.layer]
        .into_iter()
        .chain(of_attachments)
    {
        // Attachments share their configuration.
        if written.insert(&blob.digest) {
            add(&mut tar, &path(blob), &blob.bytes)?;
        }
    }
    tar.into_inner()
}

/// Returns the entry of an attachment in the index. Its platform and annotations are those of
/// Docker's own attachments, which Docker does not unpack.
fn entry(attachment: &Attachment, image: &str) -> Value {
    let mut entry = attachment.descriptor.clone();
    entry["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    entry["annotations"]["vnd.docker.reference.type"] = "attestation-manifest".into();
    entry["annotations"]["vnd.docker.reference.digest"] = image.into();
    entry
}

/// Returns the path of a blob in the archive.
fn path(blob: &Blob) -> String {
    format!("blobs/{}", blob.digest.replace(':', "/"))
}

fn add_json(tar: &mut Builder<Vec<u8>>, path: &str, value: &Value) -> io::Result<()> {
    add(tar, path, value.to_string().as_bytes())
}

fn add(tar: &mut Builder<Vec<u8>>, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, path, bytes)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read as _};

    use super::*;
    use crate::image::digest;

    /// Returns the files of the archive of an image.
    fn files(image: &Image) -> BTreeMap<String, Vec<u8>> {
        let archive = archive(image, &[], "tiny").unwrap();
        let mut archive = tar::Archive::new(&*archive);
        let files = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (path, bytes)
        });
        files.collect()
    }

    #[test]
    fn both_indexes_lead_to_blobs_with_their_digests() {
        let files = files(&Image::pack(b"program").unwrap());
        for (path, bytes) in &files {
            if let Some(name) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(digest(bytes), format!("sha256:{name}"));
            }
        }
        let json = |path: &str| serde_json::from_slice::<Value>(&files[path]).unwrap();
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let path = format!("blobs/{}", digest.replace(':', "/"));
            assert_eq!(descriptor["size"], files[&path].len());
            path
        };
        assert_eq!(json("oci-layout")["imageLayoutVersion"], "1.0.0");
        let manifest = json(&blob(&json("index.json")["manifests"][0]));
        let docker = &json("manifest.json")[0];
        assert_eq!(docker["Config"], blob(&manifest["config"]));
        assert_eq!(docker["Layers"][0], blob(&manifest["layers"][0]));
        assert_eq!(docker["RepoTags"][0], "tiny:latest");
        assert_eq!(files.len(), 6);
    }

    #[test]
    fn names_are_accepted_by_every_reader() {
        for (service, expected) in [
            ("my-service", "my-service"),
            ("My_Service", "my-service"),
            ("_a__b-", "a-b"),
            ("é", "server"),
        ] {
            assert_eq!(name(service), expected);
        }
    }
}
