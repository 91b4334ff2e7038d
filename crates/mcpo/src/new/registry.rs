//! Checks that the registry's crate `mcpo-runtime` is ours before a project depends on it.
//!
//! The name of a crate proves nothing, because anyone may register a free name. Its `repository`
//! field proves nothing either, because the author may enter any URL. A checksum does: this binary
//! contains the checksums of our releases (`releases.txt`). If the registry has one of these
//! releases, then we own the name. Later releases are then ours too, because only the owners of a
//! name can publish them.
//!
//! Cargo resolves the version, so that the same mirrors, proxies and credentials are used as for
//! the project's build.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mcpo_common::{
    error::{Failure, Outcome},
    text::visible,
};
use serde::Deserialize;

const CRATE: &str = "mcpo-runtime";
/// The public registry in a lock file. Mirrors do not change it.
const PUBLIC_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Cargo's message if the crate does not exist. All other errors count as a failed check.
const NO_CRATE: &str = "no matching package named";
/// Cargo's message if no version matches.
const NO_VERSION: &str = "failed to select a version for the requirement";
/// How much of cargo's message is shown, in characters.
const SHOWN: usize = 600;

/// A release of our crate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Release {
    version: String,
    checksum: String,
}

/// How to access the registry.
struct Registry {
    /// The folder of cargo's configuration, or `None` to use the user's own.
    cargo_home: Option<PathBuf>,
}

/// Fails unless the registry has a matching version of our crate, or if that cannot be checked.
pub fn check(requirement: &str) -> Outcome<()> {
    let released = parse(include_str!("releases.txt"));
    Registry { cargo_home: None }.check(requirement, &released)
}

/// How to continue without the registry.
const WAY_OUT: &str =
    "leave out --runtime to use the copy inside mcpo, or use a checkout: --runtime PATH";

fn parse(text: &str) -> Vec<Release> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(version, checksum)| Release {
            version: version.to_owned(),
            checksum: checksum.trim().to_owned(),
        })
        .collect()
}

impl Registry {
    fn check(&self, requirement: &str, released: &[Release]) -> Outcome<()> {
        let Some(newest) = released.last() else {
            return Err(Failure::new(format!(
                "`--runtime {requirement}`: no release of {CRATE} is published yet; a crate with \
                 this name in the registry is not from the mcpo project"
            ))
            .hint(WAY_OUT));
        };
        let found = self.resolve(requirement)?;
        if released.iter().any(|known| known.version == found.version) {
            return is_ours(&found, released);
        }
        // The version is newer than this binary, so check who owns the name.
        is_ours(&self.resolve(&format!("={}", newest.version))?, released)
    }

    /// Returns the release that cargo selects for the requirement.
    fn resolve(&self, requirement: &str) -> Outcome<Release> {
        let failed = || {
            Failure::new(format!(
                "failed to check that the registry has {CRATE} {requirement} from the mcpo project"
            ))
            .hint(format!(
                "check the network and cargo's settings for the registry; or {WAY_OUT}"
            ))
        };
        let folder = tempfile::tempdir().map_err(|error| failed().because(&error))?;
        let manifest =
            write_project(folder.path(), requirement).map_err(|error| failed().because(&error))?;
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args([
                "generate-lockfile",
                "--quiet",
                "--color",
                "never",
                "--manifest-path",
            ])
            .arg(&manifest)
            .env("CARGO_NET_RETRY", "1")
            .env("CARGO_HTTP_TIMEOUT", "10")
            .stdin(Stdio::null());
        if let Some(home) = &self.cargo_home {
            command.env("CARGO_HOME", home).current_dir(home);
        }
        let output = command.output().map_err(|error| failed().because(&error))?;
        if !output.status.success() {
            let said = visible(&String::from_utf8_lossy(&output.stderr), SHOWN);
            let missing = [NO_CRATE, NO_VERSION]
                .iter()
                .any(|reason| said.contains(reason));
            let failure = if missing {
                let what = format!("the registry has no {CRATE} {requirement}");
                Failure::new(what).hint(WAY_OUT)
            } else {
                failed()
            };
            return Err(failure.because(&io::Error::other(said)));
        }
        let lock = fs::read_to_string(folder.path().join("Cargo.lock"))
            .map_err(|error| failed().because(&error))?;
        locked(&lock).ok_or_else(failed)
    }
}

/// Writes a project with only this dependency. Returns the path of its manifest.
fn write_project(folder: &Path, requirement: &str) -> io::Result<PathBuf> {
    fs::create_dir(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let manifest = folder.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"mcpo-registry-check\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{CRATE} = {{ version = {requirement:?}, default-features = false }}\n"
    );
    fs::write(&manifest, text)?;
    Ok(manifest)
}

/// Fails unless the release has the known checksum.
fn is_ours(found: &Release, released: &[Release]) -> Outcome<()> {
    if released.contains(found) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{CRATE} {} in the registry is not from the mcpo project: its checksum is {}",
        found.version, found.checksum
    ))
    .hint(WAY_OUT))
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// Returns the release in a lock file, if it comes from the public registry.
fn locked(text: &str) -> Option<Release> {
    let lock: Lock = toml::from_str(text).ok()?;
    let package = lock.package.into_iter().find(|one| one.name == CRATE)?;
    if package.source.as_deref() != Some(PUBLIC_REGISTRY) {
        return None;
    }
    Some(Release {
        version: package.version,
        checksum: package.checksum?,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::{TcpListener, TcpStream},
        thread,
    };

    use tempfile::TempDir;

    use super::*;

    const OURS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const OF_A_STRANGER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    /// Starts a sparse index with these releases on this machine. Returns it with a cargo home that
    /// uses it.
    fn registry(releases: &[(&str, &str, bool)]) -> (Registry, TempDir) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let index: Vec<_> = releases
            .iter()
            .map(|(version, checksum, yanked)| {
                format!(
                    "{{\"name\":\"{CRATE}\",\"vers\":\"{version}\",\"deps\":[],\
                     \"cksum\":\"{checksum}\",\"features\":{{}},\"yanked\":{yanked}}}\n"
                )
            })
            .collect();
        let index = index.concat();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(stream, address.port(), &index);
            }
        });
        at(&format!("http://{address}/"))
    }

    fn at(url: &str) -> (Registry, TempDir) {
        let home = tempfile::tempdir().unwrap();
        let config = format!(
            "[source.crates-io]\nreplace-with = \"stand-in\"\n\n[source.stand-in]\n\
             registry = \"sparse+{url}\"\n"
        );
        fs::write(home.path().join("config.toml"), config).unwrap();
        let cargo_home = Some(home.path().to_owned());
        (Registry { cargo_home }, home)
    }

    fn answer(stream: TcpStream, port: u16, index: &str) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let (status, body) = match first.split(' ').nth(1).unwrap() {
            "/config.json" => (
                "200 OK",
                format!("{{\"dl\":\"http://127.0.0.1:{port}/dl\"}}"),
            ),
            "/mc/po/mcpo-runtime" if !index.is_empty() => ("200 OK", index.to_owned()),
            _ => ("404 Not Found", String::new()),
        };
        let length = body.len();
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
    }

    fn released() -> Vec<Release> {
        parse(&format!("# comment\n0.1.0 {OURS}\n"))
    }

    fn refusal(registry: &Registry, requirement: &str) -> String {
        let failure = registry.check(requirement, &released()).unwrap_err();
        assert!(failure.hint_text().unwrap().contains("--runtime PATH"));
        failure.what().to_owned()
    }

    #[test]
    fn a_release_with_our_checksum_is_accepted() {
        let (registry, _home) = registry(&[("0.1.0", OURS, false)]);
        registry.check("0.1", &released()).unwrap();
    }

    #[test]
    fn a_newer_release_under_our_name_is_accepted() {
        let (registry, _home) =
            registry(&[("0.1.0", OURS, false), ("0.2.0", OF_A_STRANGER, false)]);
        registry.check("0.2", &released()).unwrap();
    }

    #[test]
    fn a_release_of_another_owner_is_refused() {
        let (one, _home) = registry(&[("0.1.0", OF_A_STRANGER, false)]);
        assert!(refusal(&one, "0.1").contains("is not from the mcpo project"));
        // The requested version is not one of our releases, and the registry does not have our
        // release.
        let (other, _home) = registry(&[("0.9.0", OF_A_STRANGER, false)]);
        assert!(refusal(&other, "0.9").contains("has no mcpo-runtime =0.1.0"));
    }

    #[test]
    fn a_version_that_is_missing_or_yanked_is_refused() {
        let (none, _home) = registry(&[]);
        assert!(refusal(&none, "0.1").contains("has no mcpo-runtime 0.1"));
        let (yanked, _home) = registry(&[("0.1.0", OURS, true)]);
        assert!(refusal(&yanked, "0.1").contains("has no mcpo-runtime 0.1"));
    }

    #[test]
    fn an_unreachable_registry_is_an_error() {
        let unused = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", unused.local_addr().unwrap());
        drop(unused);
        let (registry, _home) = at(&url);
        assert!(refusal(&registry, "0.1").contains("failed to check"));
    }

    #[test]
    fn nothing_is_accepted_before_the_first_release() {
        let (registry, _home) = registry(&[("0.1.0", OURS, false)]);
        let failure = registry.check("0.1", &[]).unwrap_err();
        assert!(
            failure
                .what()
                .contains("no release of mcpo-runtime is published yet")
        );
    }

    #[test]
    fn the_list_of_releases_is_well_formed() {
        let text = include_str!("releases.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        let released = parse(text);
        assert_eq!(released.len(), lines);
        for release in released {
            semver::Version::parse(&release.version).unwrap();
            assert_eq!(release.checksum.len(), 64, "{}", release.version);
        }
    }
}
