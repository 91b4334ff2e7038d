//! Cloud Build: executes Dockerfiles of the kind that `mcpo` generates, with this machine's cargo.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    fault::Fault,
    state::timestamp,
};

/// Handles calls to `cloudbuild`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    match call.found.method.id.as_str() {
        "cloudbuild.projects.locations.operations.get" => {
            cloud.operation_status(&call.path("name"))
        }
        _ => Err(unsupported_method(call)),
    }
}

/// Handles `run.projects.locations.builds.submit`.
pub fn submit(cloud: &Cloud, call: &Call) -> Answer {
    let source = &call.body["storageSource"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = (text(&source["bucket"]), text(&source["object"]));
    let mut state = cloud.state();
    let object = state.objects.get(&key).cloned();
    let object = object.ok_or_else(|| ApiError::not_found(&key.1))?;
    let image = text(&call.body["imageUri"]);
    let number = state.next();
    let id = format!("build-{number}");
    let name = format!("{}/operations/{id}", call.path("parent"));
    let pending = json!({ "name": name, "metadata": { "build": { "id": id } } });
    state.operations.insert(name.clone(), (pending.clone(), 0));
    let is_failure = |fault: &Fault| matches!(fault, Fault::OperationFails(..));
    let fault = state.take_fault("run.projects.locations.builds.submit", is_failure);
    drop(state);
    let shared = cloud.share();
    tokio::spawn(async move {
        let folder = shared.folder().join(&id);
        let built = match fault {
            Some(Fault::OperationFails(_, message)) => Err(message.to_owned()),
            _ => build(&shared, &object.data, &image, &folder, &id).await,
        };
        let mut done = pending;
        done["done"] = true.into();
        match built {
            Ok(()) => done["response"] = json!({ "id": id, "status": "SUCCESS" }),
            Err(problem) => done["error"] = json!({ "code": 9, "message": problem }),
        }
        shared.state().operations.insert(name, (done, 0));
    });
    let operation = cloud.operation_status(&format!(
        "{}/operations/build-{number}",
        call.path("parent")
    ))?;
    Ok(json!({ "buildOperation": operation }))
}

async fn build(
    cloud: &Cloud,
    source: &[u8],
    image: &str,
    folder: &Path,
    id: &str,
) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let root = folder.join("src");
    fs::create_dir_all(&root).map_err(failed)?;
    tar::Archive::new(GzDecoder::new(source))
        .unpack(&root)
        .map_err(failed)?;
    let dockerfile = fs::read_to_string(root.join("Dockerfile"))
        .map_err(|_| "unable to evaluate symlinks in Dockerfile path: no such file".to_owned())?;
    let worker = cloud.share();
    let (id, text) = (id.to_owned(), dockerfile);
    let made = tokio::task::spawn_blocking(move || follow(&worker, &text, &root, &id)).await;
    let (files, config) = made.map_err(|error| error.to_string())??;
    push(cloud, image, &files, config).await
}

/// The image's files by path, and its configuration.
type Made = (BTreeMap<String, (PathBuf, bool)>, Value);

fn follow(cloud: &Cloud, dockerfile: &str, root: &Path, id: &str) -> Result<Made, String> {
    let mut files = BTreeMap::new();
    let mut config = json!({});
    let instructions = dockerfile
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in instructions {
        log(cloud, id, line);
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (verb, rest) {
            ("FROM", _) | ("WORKDIR", "/src") | ("COPY", ". .") => {}
            ("RUN", command) => {
                let output = Command::new("sh")
                    .args(["-c", command])
                    .current_dir(root)
                    .env("CARGO_NET_OFFLINE", "true")
                    // A build has no terminal, even if the tests set variables that say otherwise.
                    .env("CARGO_TERM_COLOR", "never")
                    .output()
                    .map_err(|error| error.to_string())?;
                for line in String::from_utf8_lossy(&output.stderr).lines() {
                    log(cloud, id, line);
                }
                if !output.status.success() {
                    return Err(format!("build step \"RUN {command}\" failed"));
                }
            }
            ("COPY", copy) => {
                let copy = copy.strip_prefix("--from=build ").ok_or("no such COPY")?;
                let (from, to) = copy.split_once(' ').ok_or("no such COPY")?;
                let from = match from.strip_prefix("/src/") {
                    Some(inside) => root.join(inside),
                    None => PathBuf::from(from),
                };
                let is_folder = from.is_dir();
                files.insert(to.trim_start_matches('/').to_owned(), (from, is_folder));
            }
            ("USER", user) => config["User"] = user.into(),
            ("ENTRYPOINT", list) => {
                config["Entrypoint"] =
                    serde_json::from_str(list).map_err(|error| error.to_string())?;
            }
            _ => return Err(format!("dockerfile parse error: {line}")),
        }
    }
    Ok((files, config))
}

fn log(cloud: &Cloud, id: &str, line: &str) {
    let mut state = cloud.state();
    let number = state.next();
    state.entries.push(json!({
        "insertId": format!("i{number:08}"),
        "logName": format!("projects/{}/logs/cloudbuild", cloud.project),
        "resource": { "type": "build", "labels": { "build_id": id } },
        "timestamp": timestamp(),
        "textPayload": line,
    }));
}

async fn push(
    cloud: &Cloud,
    image: &str,
    files: &BTreeMap<String, (PathBuf, bool)>,
    config: Value,
) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let mut tar = tar::Builder::new(Vec::new());
    for (path, (from, is_folder)) in files {
        if *is_folder {
            tar.append_dir(path, from).map_err(failed)?;
        } else {
            tar.append_path_with_name(from, path).map_err(failed)?;
        }
    }
    let tar = tar.into_inner().map_err(failed)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar).map_err(failed)?;
    let layer = gzip.finish().map_err(failed)?;
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
    })
    .to_string()
    .into_bytes();
    let describe = |kind: &str, bytes: &[u8]| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": digest(bytes), "size": bytes.len(),
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": describe("config.v1+json", &config),
        "layers": [describe("layer.v1.tar+gzip", &layer)],
    });
    let (_, path) = image.split_once('/').ok_or("invalid image name")?;
    let (path, tag) = path.split_once(':').ok_or("the image has no tag")?;
    for blob in [layer, config] {
        cloud.registry.put_blob(path, &digest(&blob), blob).await?;
    }
    cloud
        .registry
        .put_manifest(path, tag, manifest.to_string())
        .await
}

/// Pushes an empty image that mcpo did not create.
pub async fn push_something(cloud: &Cloud, path: &str, tag: &str) -> Result<(), String> {
    let image = format!("registry/{path}:{tag}");
    push(
        cloud,
        &image,
        &BTreeMap::new(),
        json!({ "Entrypoint": [tag] }),
    )
    .await
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
