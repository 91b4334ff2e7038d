//! For each mistake, `mcpo` reports what is wrong and what to type.

use insta::assert_snapshot;
use tempfile::tempdir;

use crate::tool::said;

#[test]
fn mcpo_without_a_command_prints_the_help() {
    let folder = tempdir().unwrap();
    let said = said(folder.path(), &[]);
    assert!(said.starts_with("exit code 2"), "{said}");
    assert!(
        said.contains("mcpo new my-service && cd my-service && mcpo dev"),
        "{said}"
    );
}

#[test]
fn an_unknown_command_gets_a_suggestion() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["newt", "x"]), @r"
    exit code 2
    --- stderr
    error: unrecognized subcommand 'newt'

      tip: a similar subcommand exists: 'new'

    Usage: mcpo <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn new_without_a_name_fails() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["new"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <NAME>

    Usage: mcpo new <NAME>

    For more information, try '--help'.
    ");
}

#[test]
fn invalid_project_names_are_refused() {
    let folder = tempdir().unwrap();
    let names = [
        "",
        ".",
        "..",
        "a/b",
        "9lives",
        "-x",
        "my service",
        "MyService",
        "über",
        "fn",
        "self",
        "async",
        "test",
        "core",
        "std",
        "con",
        "NUL",
        "com1",
        "build",
        "serde",
        "a--b",
        "a_",
    ];
    let mut all = String::new();
    for name in names {
        let said = said(folder.path(), &["new", "--", name]);
        assert!(
            said.starts_with("exit code 2\n--- stderr\nerror: "),
            "{name}: {said}"
        );
        for line in said.lines().skip(2) {
            all += line;
            all += "\n";
        }
    }
    assert_snapshot!(all, @r"
    error: invalid project name ``: it is empty
    help: mcpo new my-service
    error: invalid project name `.`: it is a path
    help: mcpo new my-service
    error: invalid project name `..`: it is a path
    help: mcpo new my-service
    error: invalid project name `a/b`: it is a path
    help: mcpo new b --path a/b
    error: invalid project name `9lives`: it does not start with a letter
    help: mcpo new lives
    error: invalid project name `-x`: it does not start with a letter
    help: mcpo new x
    error: invalid project name `my service`: ' ' is not a letter from a to z, a digit, `-` or `_`
    help: mcpo new my-service
    error: invalid project name `MyService`: rustc warns about upper-case letters in a crate's name
    help: mcpo new my-service
    error: invalid project name `über`: 'ü' is not a letter from a to z, a digit, `-` or `_`
    help: mcpo new ber
    error: invalid project name `fn`: it is a Rust keyword
    help: mcpo new fn-server
    error: invalid project name `self`: it is a Rust keyword
    help: mcpo new self-server
    error: invalid project name `async`: it is a Rust keyword
    help: mcpo new async-server
    error: invalid project name `test`: it is the name of a crate of the standard library
    help: mcpo new test-server
    error: invalid project name `core`: it is the name of a crate of the standard library
    help: mcpo new core-server
    error: invalid project name `std`: it is the name of a crate of the standard library
    help: mcpo new std-server
    error: invalid project name `con`: it is the name of a device on Windows
    help: mcpo new con-server
    error: invalid project name `NUL`: rustc warns about upper-case letters in a crate's name
    help: mcpo new nul-server
    error: invalid project name `com1`: it is the name of a device on Windows
    help: mcpo new com1-server
    error: invalid project name `build`: it is the name of a build folder of cargo
    help: mcpo new build-server
    error: invalid project name `serde`: the project depends on a crate with this name
    help: mcpo new serde-server
    error: invalid project name `a--b`: `-` and `_` may appear only one at a time, between letters or digits
    help: mcpo new a-b
    error: invalid project name `a_`: `-` and `_` may appear only one at a time, between letters or digits
    help: mcpo new a
    ");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unknown_template_is_refused() {
    let folder = tempdir().unwrap();
    let said = said(folder.path(), &["new", "x", "--template", "servers"]);
    assert_snapshot!(said, @r"
    exit code 2
    --- stderr
    error: there is no template `servers`
    help: choose one of: github, oidc, polymarket, server
    ");
}

#[test]
fn a_missing_runtime_folder_is_refused() {
    let folder = tempdir().unwrap();
    let sources = ["newest", "./nowhere", "https://example.com/a b", ""];
    let all: String = sources
        .map(|source| said(folder.path(), &["new", "x", "--runtime", source]))
        .concat();
    assert_snapshot!(all, @r#"
    exit code 2
    --- stderr
    error: `--runtime newest` is not a version, a folder or a git URL
      because: unexpected character 'n' while parsing major version number
    help: --runtime ../mcpo-runtime or --runtime https://…
    exit code 2
    --- stderr
    error: there is no crate mcpo-runtime in ./nowhere
      because: No such file or directory (os error 2)
    help: use the folder that contains its Cargo.toml
    exit code 2
    --- stderr
    error: "https://example.com/a b" is not a git URL
    help: --runtime https://example.com/mcpo.git
    exit code 2
    --- stderr
    error: `--runtime ` is not a version, a folder or a git URL
      because: unexpected end of input while parsing major version number
    help: --runtime ../mcpo-runtime or --runtime https://…
    "#);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_parent_folder_is_refused() {
    let folder = tempdir().unwrap();
    let said = said(folder.path(), &["new", "x", "--path", "no/such/x"]);
    assert_snapshot!(said, @r"
    exit code 2
    --- stderr
    error: there is no folder [FOLDER]/no/such
    help: mkdir -p '[FOLDER]/no/such'
    ");
}

#[test]
fn the_current_folder_is_refused() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["new", "x", "--path", "."]), @r"
    exit code 2
    --- stderr
    error: cannot create a project in the current folder
    help: run `cd ..` and name the folder with --path
    ");
}

#[test]
fn dev_without_a_project_fails() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["dev"]), @r"
    exit code 2
    --- stderr
    error: there is no project: no Cargo.toml in [FOLDER] or any folder above
    help: change to the project's folder, or create a project: mcpo new my-service && cd my-service && mcpo dev
    ");
}

#[test]
fn dev_with_an_invalid_manifest_fails() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "[package\n").unwrap();
    let said = said(folder.path(), &["dev"]);
    assert!(
        said.contains("error: failed to read [FOLDER]/Cargo.toml\n  because: "),
        "{said}"
    );
}

#[test]
fn dev_in_a_library_fails() {
    let folder = tempdir().unwrap();
    let manifest = "[package]\nname = \"books\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "").unwrap();
    assert_snapshot!(said(folder.path(), &["dev"]), @r"
    exit code 2
    --- stderr
    error: `books` is a library: there is nothing to run
    help: add a src/main.rs, or change to the folder of a package that has one
    ");
}

#[test]
fn dev_without_the_runtime_fails_and_writes_nothing() {
    let folder = tempdir().unwrap();
    let manifest = "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/main.rs"), "fn main() {}").unwrap();
    assert_snapshot!(said(folder.path(), &["dev"]), @r"
    exit code 2
    --- stderr
    error: the package `plain` does not use mcpo-runtime, so `mcpo dev` cannot run it as a server
    help: create a project with `mcpo new NAME` and move your code there
    ");
    assert!(!folder.path().join(".env").exists());
    assert!(!folder.path().join(".mcpo").exists());
}

#[test]
fn dev_with_several_executables_asks_for_one() {
    let folder = tempdir().unwrap();
    let manifest = "[package]\nname = \"pair\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir_all(folder.path().join("src/bin")).unwrap();
    for name in ["left", "right"] {
        let main = folder.path().join(format!("src/bin/{name}.rs"));
        std::fs::write(main, "fn main() {}").unwrap();
    }
    assert_snapshot!(said(folder.path(), &["dev"]), @r"
    exit code 2
    --- stderr
    error: `pair` has several executables
    help: choose one with --bin NAME: left, right
    ");
    assert_snapshot!(said(folder.path(), &["dev", "--bin", "middle"]), @r"
    exit code 2
    --- stderr
    error: `pair` has no executable `middle`
    help: choose one of: left, right
    ");
    assert_snapshot!(said(folder.path(), &["dev", "--package", "other"]), @r"
    exit code 2
    --- stderr
    error: there is no package `other` here
    help: choose one of: pair
    ");
}

#[test]
fn dev_with_an_invalid_port_fails() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["dev", "--port", "http"]), @r"
    exit code 2
    --- stderr
    error: invalid value 'http' for '--port <PORT>': invalid digit found in string

    For more information, try '--help'.
    ");
}
