//! Packs the templates and the two crates of the runtime into the binary.
//!
//! In a checkout, the runtime is the folder next to this crate. A registry package contains no other
//! crates, so the links in `runtime/` add a copy to it. The manifests have another name there, because
//! cargo leaves folders with a `Cargo.toml` out of packages.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// The manifests of the runtime in a registry package.
const PACKAGED_MANIFEST: &str = "manifest.toml";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");

    // Git on Windows may check out a link as a text file.
    let templates = first_folder([here.join("templates"), here.join("../../templates")])?;
    let runtime = first_folder([here.join("../mcpo-runtime"), here.join("runtime")])?;
    let templates = table(&templates, &[])?;
    // Projects do not need the examples.
    let runtime = table(&runtime, &["examples"])?;

    let code = format!(
        "/// Every file of every template.\n\
         pub const TEMPLATES: &[(&str, &[u8])] = {templates};\n\
         /// Every file of the crates of the runtime.\n\
         pub const RUNTIME: &[(&str, &[u8])] = {runtime};\n"
    );
    fs::write(out.join("embedded.rs"), code)?;
    Ok(())
}

fn variable(name: &str) -> Outcome<String> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Returns the first of these paths that is a folder.
fn first_folder(paths: [PathBuf; 2]) -> Outcome<PathBuf> {
    let [first, _] = &paths;
    let missing = format!("{} is missing", first.display());
    paths
        .into_iter()
        .find(|path| path.is_dir())
        .ok_or_else(|| missing.into())
}

/// A Rust expression: the files under `root` as `(path, bytes)`, without those in the folders
/// `left_out`.
fn table(root: &Path, left_out: &[&str]) -> Outcome<String> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.retain(|name| {
        let folder = name.split('/').next().unwrap_or_default();
        !left_out.contains(&folder)
    });
    files.sort();
    let mut code = String::from("&[");
    for name in files {
        let path = root.join(&name);
        let source = path.to_str().ok_or_else(|| not_unicode(&path))?;
        let name = name
            .strip_suffix(PACKAGED_MANIFEST)
            .map_or_else(|| name.clone(), |folder| format!("{folder}Cargo.toml"));
        write!(code, "({name:?}, include_bytes!({source:?})),")?;
    }
    code.push(']');
    Ok(code)
}

/// Collects the files' paths relative to `root`, with forward slashes, and watches every folder.
fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> Outcome<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            // A build inside the folder leaves it behind.
            if !path.ends_with("target") {
                collect(root, &path, files)?;
            }
            continue;
        }
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.strip_prefix(root)?;
        let name = name.to_str().ok_or_else(|| not_unicode(name))?;
        files.push(name.replace('\\', "/"));
    }
    Ok(())
}

fn not_unicode(path: &Path) -> io::Error {
    io::Error::other(format!("{} is not Unicode", path.display()))
}
