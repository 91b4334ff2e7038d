//! Packs the templates and, in a checkout, the runtime crate into the binary.
//!
//! Built from a registry package there is no runtime next to this crate; `mcpo new` then names the
//! registry version instead of vendoring a copy, once the registry has one that is ours.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");

    let templates = table(&here.join("templates"), &[])?;
    let runtime = here.join("../mcpo-runtime");
    let runtime = if runtime.join("Cargo.toml").is_file() {
        // Projects have no use for the examples.
        table(&runtime, &["examples"])?
    } else {
        String::from("&[]")
    };

    let code = format!(
        "/// Every file of every template.\n\
         pub const TEMPLATES: &[(&str, &[u8])] = {templates};\n\
         /// The runtime crate, empty unless this was built from a checkout.\n\
         pub const RUNTIME: &[(&str, &[u8])] = {runtime};\n"
    );
    fs::write(out.join("embedded.rs"), code)?;
    Ok(())
}

fn variable(name: &str) -> Outcome<String> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
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
