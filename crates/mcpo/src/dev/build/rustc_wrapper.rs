//! Finds the rustc wrapper that the project configures (`build.rustc-wrapper`), such as sccache.
//! mcpo takes the place of this wrapper during builds, and must then run it.
//! <https://doc.rust-lang.org/cargo/reference/config.html>

use std::{env, ffi::OsString, path::Path};

use mcpo_common::cargo_config::{self, File};

/// Returns the wrapper for builds in `folder`, from a variable or from the most important
/// configuration file that names one.
pub fn of(folder: &Path) -> Option<OsString> {
    // An empty variable means that there is no wrapper, regardless of the configuration files.
    if let Some(set) = env::var_os("RUSTC_WRAPPER") {
        return Some(set).filter(|wrapper| !wrapper.is_empty());
    }
    let set = env::var_os("CARGO_BUILD_RUSTC_WRAPPER");
    if let Some(set) = set.filter(|wrapper| !wrapper.is_empty()) {
        return Some(set);
    }
    let files = cargo_config::files(folder, None, cargo_config::cargo_home());
    files.iter().find_map(named_in)
}

fn named_in((path, file): &File) -> Option<OsString> {
    let wrapper = file.get("build")?.get("rustc-wrapper")?.as_str()?;
    if wrapper.is_empty() {
        return None;
    }
    // A path is relative to the parent of the folder with the file. A plain name is searched on the
    // PATH.
    let is_path = wrapper.contains('/');
    Some(match path.parent().and_then(Path::parent) {
        Some(parent) if is_path => parent.join(wrapper).into(),
        _ => wrapper.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_path_is_relative_to_the_folder_of_its_file() {
        let named = |text: &str| named_in(&("/p/.cargo/config.toml".into(), text.parse().unwrap()));
        assert_eq!(named("[net]\noffline = true\n"), None);
        assert_eq!(
            named("[build]\nrustc-wrapper = \"sccache\"\n").unwrap(),
            "sccache"
        );
        let own = named("build.rustc-wrapper = \"./tools/wrap\"\n").unwrap();
        assert_eq!(own, Path::new("/p").join("./tools/wrap"));
    }
}
