//! The names that cargo gives to the results of a crate: the crate's name and a hash, such as
//! `serde-0123456789abcdef` and `libserde-0123456789abcdef.rlib`.

use std::collections::BTreeSet;

use mcpo_common::package;

/// Returns true if the name belongs to a crate that is not local.
pub fn is_foreign(name: &str, local: &BTreeSet<String>) -> bool {
    crate_of(name).is_some_and(|of_crate| !is_one_of(local, &of_crate))
}

/// Returns true if the name belongs to one of these crates.
pub fn is_of(name: &str, crates: &BTreeSet<String>) -> bool {
    crate_of(name).is_some_and(|of_crate| is_one_of(crates, &of_crate))
}

/// Returns true if the name belongs to a crate of the runtime.
pub fn is_runtime(name: &str) -> bool {
    is_of(name, &package::RUNTIME_PACKAGES.map(str::to_owned).into())
}

/// Returns the name of the crate, with underscores: `libserde` or `serde`.
pub fn crate_of(name: &str) -> Option<String> {
    let stem = name.split('.').next()?;
    let (of_crate, hash) = stem.rsplit_once('-')?;
    (hash.len() == 16).then(|| of_crate.replace('-', "_"))
}

/// Returns true if the crate is in `names`, with or without the `lib` prefix of a library file.
pub fn is_one_of(names: &BTreeSet<String>, of_crate: &str) -> bool {
    let is_named = |of_crate: &str| names.iter().any(|name| name.replace('-', "_") == of_crate);
    is_named(of_crate) || of_crate.strip_prefix("lib").is_some_and(is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_project_itself_are_not_stored() {
        let local = BTreeSet::from(["my-service".to_owned(), "mcpo-runtime".to_owned()]);
        for foreign in [
            "serde-0123456789abcdef",
            "libserde_json-0123456789abcdef.rlib",
            "async-trait-0123456789abcdef",
        ] {
            assert!(is_foreign(foreign, &local), "{foreign}");
        }
        for own in [
            "my-service-0123456789abcdef",
            "my_service-0123456789abcdef.d",
            "libmcpo_runtime-0123456789abcdef.rmeta",
            "serde",
            "CACHEDIR.TAG",
        ] {
            assert!(!is_foreign(own, &local), "{own}");
        }
    }
}
