//! Asks git for the commit of the source.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use super::package_id::public_url;

/// How long git may take. A large work tree on a slow disk takes a few seconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A commit, and the repository that it was cloned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// 40 or 64 hexadecimal digits.
    pub hash: String,
    /// The URL of the remote `origin` without user name, password and query; `None` if it does not
    /// lead to another machine.
    pub url: Option<String>,
}

/// Returns the commit of the folder's work tree, or `None` if the work tree has changes or untracked
/// files, or if git does not answer.
pub async fn commit(folder: &Path) -> Option<Commit> {
    // The folder may be ignored by the repository around it.
    ask(folder, &["ls-files", "--error-unmatch", "Cargo.toml"]).await?;
    let status = [
        "status",
        "--porcelain",
        "--untracked-files=normal",
        "--ignore-submodules=none",
    ];
    if !ask(folder, &status).await?.is_empty() {
        return None;
    }
    let hash = ask(folder, &["rev-parse", "--verify", "HEAD"]).await?;
    let is_hash = [40, 64].contains(&hash.len()) && hash.chars().all(|c| c.is_ascii_hexdigit());
    let origin = ask(folder, &["remote", "get-url", "origin"]).await;
    is_hash.then(|| Commit {
        hash,
        url: origin.as_deref().and_then(url),
    })
}

/// Returns git's output without the line break at its end, or `None` if git fails.
async fn ask(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.args(arguments)
        .current_dir(folder)
        // Reading the state must not write to the repository.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, git.output())
        .await
        .ok()?
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim_end().to_owned())
}

/// Returns the public form of a remote's URL, also of the short form `user@host:path`.
fn url(remote: &str) -> Option<String> {
    if remote.contains("://") {
        return public_url(remote);
    }
    let (host, path) = remote.split_once(':')?;
    let host = host.rsplit('@').next()?;
    // Otherwise it is a path, such as `C:\source`.
    let is_host = host.len() > 1 && !host.contains(['/', '\\']);
    let path = path.trim_start_matches('/');
    is_host.then(|| public_url(&format!("ssh://{host}/{path}")))?
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_of_remotes_contain_no_credentials_and_no_paths() {
        for (remote, expected) in [
            (
                "https://user:token@github.com/a/b.git",
                Some("https://github.com/a/b.git"),
            ),
            ("git@github.com:a/b.git", Some("ssh://github.com/a/b.git")),
            ("ssh://git@host:22/a/b", Some("ssh://host:22/a/b")),
            ("https://host/a?token=x", Some("https://host/a")),
            ("/home/anna/b.git", None),
            ("../b.git", None),
            ("file:///home/anna/b.git", None),
            ("C:\\anna\\b", None),
        ] {
            assert_eq!(url(remote).as_deref(), expected, "{remote}");
        }
    }
}
