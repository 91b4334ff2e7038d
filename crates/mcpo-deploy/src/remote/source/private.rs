//! Detects files that look like secrets. They are not sent: the source stays in a bucket and in
//! image layers for some time, and a build does not need secrets.

use std::{fs, io::Read as _, path::Path};

/// How many bytes of a file are searched.
const LOOKED_AT: u64 = 64 * 1024;
/// Marks vendored crates. Their files are published, and cargo checks their checksums.
const PUBLISHED: &str = ".cargo-checksum.json";

/// Complete file names.
const NAMES: &[&str] = &[
    ".dockercfg",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "_netrc",
    "application_default_credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
];
/// File name extensions.
const ENDS: &[&str] = &["jks", "kdbx", "key", "keystore", "p12", "pfx", "ppk"];
/// Endings of example environment files, which contain no secrets.
const EXAMPLES: &[&str] = &[".example", ".sample", ".template", ".dist"];
/// Text that credential files contain.
const MARKS: &[&str] = &["PRIVATE KEY-----", "\"private_key\"", "\"refresh_token\""];

/// Returns the reason why the file at `path` below `root` must not be sent, or `None`.
pub fn reason(root: &Path, path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    if is_environment(&name) {
        return Some("environment file");
    }
    let in_cargo = |name: &str| path.ends_with(Path::new(".cargo").join(name));
    let in_docker = path.ends_with(".docker/config.json");
    if NAMES.contains(&name.as_str())
        || in_docker
        || in_cargo("credentials")
        || in_cargo("credentials.toml")
    {
        return Some("the name of a secret file");
    }
    let may_hold_one = matches!(end, "json" | "pem" | "crt" | "cer" | "p8" | "pk8");
    let looks_like_one = ENDS.contains(&end) || (may_hold_one && holds_secret(&root.join(path)));
    if looks_like_one && !is_published(root, path) {
        return Some("looks like a secret");
    }
    None
}

fn is_environment(name: &str) -> bool {
    let is_one = name == ".env" || name.starts_with(".env.") || name == ".envrc";
    is_one && !EXAMPLES.iter().any(|end| name.ends_with(end))
}

fn holds_secret(file: &Path) -> bool {
    let mut begin = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut begin));
    // An unreadable file fails later, when it is sent.
    let text = String::from_utf8_lossy(&begin);
    read.is_ok() && MARKS.iter().any(|mark| text.contains(mark))
}

/// Returns true if the file is part of a vendored crate.
fn is_published(root: &Path, path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .any(|folder| root.join(folder).join(PUBLISHED).is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::reason;

    #[test]
    fn secret_files_are_detected_by_name_and_by_content() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n";
        let account = r#"{"type": "service_account", "private_key": "x"}"#;
        for (name, text, is_secret) in [
            (".env", "", true),
            ("deep/.env.production", "", true),
            (".env.example", "", false),
            (".envrc", "", true),
            ("server.key", "", true),
            ("ssh/id_ed25519", "", true),
            (".npmrc", "", true),
            (".cargo/credentials.toml", "", true),
            (".cargo/config.toml", "", false),
            ("robot.json", account, true),
            ("package.json", "{}", false),
            ("own.pem", private, true),
            ("roots.pem", "-----BEGIN CERTIFICATE-----\n", false),
            ("src/private.rs", "", false),
            ("vendor/rustls/test-ca/rsa/end.key", private, false),
        ] {
            write("vendor/rustls/.cargo-checksum.json", "{}");
            write(name, text);
            let found = reason(root.path(), name.as_ref());
            assert_eq!(found.is_some(), is_secret, "{name}: {found:?}");
        }
    }
}
