//! Reads cargo's package ids (<https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>), and
//! writes package URLs (<https://github.com/package-url/purl-spec>).

use std::fmt::Write as _;

use url::Url;

const CRATES_IO: [&str; 2] = [
    "https://github.com/rust-lang/crates.io-index",
    "https://index.crates.io/",
];

/// A package and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageId {
    pub name: String,
    pub version: String,
    pub source: Source,
}

/// Where the package comes from. The URLs contain no user names, passwords or paths of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    CratesIo,
    /// The index of another registry.
    Registry(String),
    /// A git repository.
    Git(String),
    /// A folder or repository on this machine.
    Local,
}

impl PackageId {
    /// Returns `None` if the id has an unknown form.
    pub fn parse(id: &str) -> Option<Self> {
        let (source, fragment) = id.split_once('#')?;
        let (kind, url) = source.split_once('+')?;
        let (name, version) = match fragment.split_once('@') {
            Some((name, version)) => (name.to_owned(), version),
            // The name is omitted if it is the last segment of the URL.
            None => {
                let path = url.split('?').next()?.trim_end_matches('/');
                let last = path.rsplit('/').next()?;
                (last.trim_end_matches(".git").to_owned(), fragment)
            }
        };
        let public = public_url(url);
        let source = match (kind, public) {
            (_, None) | ("path", _) => Source::Local,
            ("git", Some(url)) => Source::Git(url),
            (_, Some(url)) if CRATES_IO.contains(&&*url) => Source::CratesIo,
            (_, Some(url)) => Source::Registry(url),
        };
        Some(Self {
            name,
            version: version.to_owned(),
            source,
        })
    }

    /// Returns the package URL, or `None` for a package of this machine: without a source, the URL
    /// would name the package of crates.io. `commit` is the commit of a git repository.
    pub fn purl(&self, commit: Option<&str>) -> Option<String> {
        let qualifier = match &self.source {
            Source::CratesIo => String::new(),
            Source::Registry(url) => format!("?repository_url={}", encoded(url)),
            Source::Git(url) => {
                let url = match commit {
                    Some(commit) => format!("git+{url}@{commit}"),
                    None => format!("git+{url}"),
                };
                format!("?vcs_url={}", encoded(&url))
            }
            Source::Local => return None,
        };
        let version = encoded(&self.version);
        Some(format!("pkg:cargo/{}@{version}{qualifier}", self.name))
    }
}

/// Returns the URL without user name, password and query, or `None` if it does not lead to another
/// machine.
pub fn public_url(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https" | "ssh" | "git") || !url.has_host() {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.to_string())
}

/// Percent-encodes all characters that separate the parts of a package URL.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::PackageId;

    #[test]
    fn package_urls_name_the_source_and_nothing_of_this_machine() {
        let commit = Some("0123456789abcdef0123456789abcdef01234567");
        for (id, name, purl) in [
            (
                "registry+https://github.com/rust-lang/crates.io-index#serde@1.0.228",
                "serde",
                Some("pkg:cargo/serde@1.0.228"),
            ),
            (
                "sparse+https://index.crates.io/#wasi@0.14.7+wasi-0.2.4",
                "wasi",
                Some("pkg:cargo/wasi@0.14.7%2Bwasi-0.2.4"),
            ),
            (
                "sparse+https://token:secret@crates.example.com/index/#inner@2.0.0",
                "inner",
                Some("pkg:cargo/inner@2.0.0?repository_url=https://crates.example.com/index/"),
            ),
            (
                "git+https://user:pass@git.example.com/a/tool.git?branch=main#0.3.0",
                "tool",
                Some(
                    "pkg:cargo/tool@0.3.0?vcs_url=git%2Bhttps://git.example.com/a/tool.git%400123456789abcdef0123456789abcdef01234567",
                ),
            ),
            ("git+file:///home/anna/tool#0.3.0", "tool", None),
            ("path+file:///home/anna/tiny#0.1.0", "tiny", None),
            ("path+file:///home/anna/x#tiny@0.1.0", "tiny", None),
        ] {
            let parsed = PackageId::parse(id).unwrap();
            assert_eq!(parsed.name, name, "{id}");
            assert_eq!(parsed.purl(commit).as_deref(), purl, "{id}");
            assert!(!format!("{parsed:?}").contains("anna"), "{parsed:?}");
        }
        assert_eq!(PackageId::parse("serde 1.0.0 (registry+https://x)"), None);
    }
}
