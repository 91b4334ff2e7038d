//! Finds the rustc wrapper that the project configures (`build.rustc-wrapper`), such as sccache.
//! mcpo takes the place of this wrapper during builds, and must then run it.
//! <https://doc.rust-lang.org/cargo/reference/config.html>

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    build: Build,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Build {
    rustc_wrapper: Option<String>,
}

/// Returns the wrapper for builds in `folder`, from a variable or from the nearest configuration
/// file.
pub fn of(folder: &Path) -> Option<OsString> {
    // An empty variable means that there is no wrapper, regardless of the configuration files.
    if let Some(set) = env::var_os("RUSTC_WRAPPER") {
        return Some(set).filter(|wrapper| !wrapper.is_empty());
    }
    let set = env::var_os("CARGO_BUILD_RUSTC_WRAPPER");
    if let Some(set) = set.filter(|wrapper| !wrapper.is_empty()) {
        return Some(set);
    }
    let above = folder.ancestors().map(|folder| folder.join(".cargo"));
    above
        .chain(cargo_home())
        .find_map(|folder| named_in(&folder))
}

fn cargo_home() -> Option<PathBuf> {
    let set = env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| Some(env::home_dir()?.join(".cargo")))
}

fn named_in(folder: &Path) -> Option<OsString> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let text = read("config").or_else(|| read("config.toml"))?;
    // If the file is invalid, cargo reports that.
    let config: Config = toml::from_str(&text).ok()?;
    let wrapper = config.build.rustc_wrapper?;
    if wrapper.is_empty() {
        return None;
    }
    // A path is relative to the parent of the folder. A plain name is searched on the PATH.
    let is_path = wrapper.contains('/');
    Some(match folder.parent() {
        Some(parent) if is_path => parent.join(wrapper).into(),
        _ => wrapper.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::named_in;

    #[test]
    fn a_path_is_taken_from_where_the_file_lies() {
        let folder = tempfile::tempdir().unwrap();
        let cargo = folder.path().join(".cargo");
        fs::create_dir(&cargo).unwrap();
        let written = |text: &str| {
            fs::write(cargo.join("config.toml"), text).unwrap();
            named_in(&cargo)
        };
        assert_eq!(written("[net]\noffline = true\n"), None);
        assert_eq!(
            written("[build]\nrustc-wrapper = \"sccache\"\n").unwrap(),
            "sccache"
        );
        let own = written("build.rustc-wrapper = \"./tools/wrap\"\n").unwrap();
        assert_eq!(own, folder.path().join("./tools/wrap"));
    }
}
