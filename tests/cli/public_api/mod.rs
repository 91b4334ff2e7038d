//! The public API of the libraries, as snapshots: each change of it must be intended.
//!
//! The test reads the sources, so it needs neither a nightly compiler nor another build. It does
//! not see implementations that a macro of the crate writes. After an intended change, run
//! `INSTA_UPDATE=always cargo nextest run -p mcpo -E 'test(public_api)'`.

mod foreign;
mod parts;
mod render;
mod source;
mod surface;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use self::{render::Api, source::Source};

/// The crates whose types may appear in a public signature of the runtime, with the reasons in
/// `docs/architecture/public-api.md`.
const CRATES_IN_SIGNATURES: [&str; 4] = ["axum", "rmcp", "serde", "tokio"];

fn folder_of(name: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    crates.join(name).join("src")
}

/// Formats Rust code with the tool that formats the project.
fn formatted(code: &str) -> String {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = rustfmt.stdin.take().unwrap();
    stdin.write_all(code.as_bytes()).unwrap();
    drop(stdin);
    let output = rustfmt.wait_with_output().unwrap();
    assert!(output.status.success(), "{code}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_public_api_of_the_runtime_changes_only_on_purpose() {
    let (runtime, oauth) = (folder_of("mcpo-runtime"), folder_of("mcpo-runtime/oauth"));
    let api = Api::of(&Source::read_with(&runtime, "mcpo_runtime_oauth", &oauth));
    insta::assert_snapshot!("mcpo-runtime", formatted(&api.code));
    for path in &api.foreign {
        let name = path.split("::").next().unwrap();
        let is_allowed = CRATES_IN_SIGNATURES.contains(&name);
        assert!(is_allowed, "{path} is in a public signature");
    }
}

#[test]
fn the_public_api_of_the_probe_changes_only_on_purpose() {
    let api = Api::of(&Source::read(&folder_of("mcpo-probe")));
    insta::assert_snapshot!("mcpo-probe", formatted(&api.code));
}

#[test]
fn every_kind_of_public_item_is_in_the_public_api() {
    let source = Source::parse(&[
        (
            "",
            "mod a; pub mod b; mod sealed;
             pub use self::a::{Hidden as Shown, Choice, inner::Deep};
             pub use other::Thing;",
        ),
        (
            "a",
            "pub mod inner { pub struct Deep; }
             use std::fmt; use wire::Frame; use super::sealed::{Private, Sealed};
             /// Text is not part of the API.
             #[derive(Clone)] #[must_use = \"why\"]
             pub struct Hidden { pub open: u8, shut: Private }
             impl Hidden {
                 #[must_use] pub const fn get(&self, unit: impl Into<Frame>) -> Option<u8> { None }
                 fn private(&self) {}
                 pub(crate) fn internal(&self) {}
             }
             impl fmt::Display for Hidden { fn fmt(&self) {} }
             impl Sealed for Hidden {}
             impl From<Private> for Hidden { fn from(_: Private) -> Self { loop {} } }
             impl From<Hidden> for Frame { fn from(_: Hidden) -> Self { loop {} } }
             #[non_exhaustive] pub enum Choice { One, Two { size: usize }, Three(String) }
             pub struct Unreachable;",
        ),
        ("sealed", "pub struct Private; pub trait Sealed {}"),
        (
            "b",
            "pub trait Contract: Send { type Out; fn must(&self); fn may(&self) { } }
             pub fn run<T>(value: T) where T: Contract { }
             pub const LIMIT: usize = 3;
             pub type Short<T> = Result<T, ()>;
             #[cfg(test)] mod tests { pub fn invisible() {} }",
        ),
    ]);
    let api = Api::of(&source);
    assert_eq!(api.foreign, ["wire::Frame".to_owned()].into());
    insta::assert_snapshot!(formatted(&api.code), @r#"
    pub use other::Thing;
    #[non_exhaustive]
    pub enum Choice {
        One,
        Two { size: usize },
        Three(String),
    }
    pub struct Deep;
    // The name `Shown` is public.
    #[derive(Clone)]
    #[must_use]
    pub struct Hidden {
        pub open: u8, /* private fields */
    }
    impl Hidden {
        #[must_use]
        pub const fn get(&self, unit: impl Into<Frame>) -> Option<u8>;
    }
    impl From<Hidden> for Frame {}
    impl fmt::Display for Hidden {}

    pub mod b {
        pub trait Contract: Send {
            type Out;
            fn must(&self);
            fn may(&self) {}
        }
        pub const LIMIT: usize = 3;
        pub type Short<T> = Result<T, ()>;
        pub fn run<T>(value: T)
        where
            T: Contract,
        {
        }
    }
    "#);
}
