//! Where a template that is not built in is: a folder or a git repository, in the format of
//! cargo-generate.

use std::{fmt, path::PathBuf};

/// The abbreviations for git hosts that cargo-generate supports.
const SHORT: [(&str, &str); 4] = [
    ("gh:", "https://github.com/"),
    ("gl:", "https://gitlab.com/"),
    ("bb:", "https://bitbucket.org/"),
    ("sr:", "https://git.sr.ht/~"),
];
/// Where a template is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateLocation {
    Folder(PathBuf),
    Git(String),
}

impl TemplateLocation {
    /// Parses `--template`. Returns `None` if it names a built-in template.
    pub fn parse(unverified: &str) -> Option<Self> {
        for (short, url) in SHORT {
            if let Some(path) = unverified.strip_prefix(short) {
                return Some(Self::Git(format!("{url}{path}")));
            }
        }
        if unverified.contains("://") || unverified.starts_with("git@") {
            return Some(Self::Git(unverified.to_owned()));
        }
        let is_path = unverified.contains(['/', '\\']) || unverified.starts_with('.');
        is_path.then(|| Self::Folder(unverified.into()))
    }
}

impl fmt::Display for TemplateLocation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(out),
            Self::Git(url) => out.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TemplateLocation;

    #[test]
    fn sources_are_recognized() {
        let git = |url: &str| Some(TemplateLocation::Git(url.to_owned()));
        assert_eq!(TemplateLocation::parse("server"), None);
        assert_eq!(
            TemplateLocation::parse("gh:a/b"),
            git("https://github.com/a/b")
        );
        assert_eq!(
            TemplateLocation::parse("sr:a/b"),
            git("https://git.sr.ht/~a/b")
        );
        assert_eq!(TemplateLocation::parse("git@host:a/b"), git("git@host:a/b"));
        assert_eq!(TemplateLocation::parse("https://x/y"), git("https://x/y"));
        let folder = |path: &str| Some(TemplateLocation::Folder(path.into()));
        assert_eq!(TemplateLocation::parse("./server"), folder("./server"));
        assert_eq!(TemplateLocation::parse(".."), folder(".."));
        assert_eq!(
            TemplateLocation::parse("my/template"),
            folder("my/template")
        );
    }
}
