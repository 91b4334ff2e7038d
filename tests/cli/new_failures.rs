//! If `mcpo new` cannot finish, it leaves no part of the project behind.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

use insta::assert_snapshot;
use tempfile::{TempDir, tempdir};

use crate::tool::{clean, command, said, transcript};

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Returns a command that runs `mcpo new x` under a shell's limits. Files may grow to one kilobyte
/// at most.
fn with_little_room(folder: &Path, before: &str) -> Command {
    let mut shell = Command::new("sh");
    clean(&mut shell, folder);
    let script = format!("{before}; ulimit -c 0; ulimit -f 1; exec \"$0\" new x");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_mcpo")]);
    shell
}

/// Creates a folder with a `git` that runs this script.
fn fake_git(script: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let path = folder.path().join("git");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let folder = tempdir().unwrap();
    // The write fails in the middle of the project, as on a full disk.
    let output = with_little_room(folder.path(), "trap '' XFSZ")
        .output()
        .unwrap();
    let said = transcript(folder.path(), &output);
    assert!(
        said.starts_with("exit code 2\n--- stderr\nerror: failed to write [FOLDER]/x/"),
        "{said}"
    );
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn a_killed_run_leaves_no_project() {
    let folder = tempdir().unwrap();
    // Without the trap, the same write kills the process.
    let output = with_little_room(folder.path(), ":").output().unwrap();
    assert_eq!(output.status.code(), None);
    let left = entries(folder.path());
    assert!(
        matches!(&*left, [name] if name.starts_with(".mcpo-new-")),
        "{left:?}"
    );

    said(folder.path(), &["new", "y"]);
    assert_eq!(entries(folder.path()), ["y"]);
}

#[test]
fn only_unlocked_staging_folders_are_removed() {
    let folder = tempdir().unwrap();
    let staging = |name: &str| {
        let path = folder.path().join(format!(".mcpo-new-{name}"));
        fs::create_dir(&path).unwrap();
        path
    };
    let (held, new, left) = (staging("held"), staging("new"), staging("left"));
    let lock = fs::File::create(held.join("lock")).unwrap();
    lock.lock().unwrap();
    // The lock file gets its final name after it is locked.
    fs::write(new.join("lock.draft"), "").unwrap();
    fs::write(left.join("lock"), "").unwrap();

    said(folder.path(), &["new", "x"]);
    assert!(held.is_dir() && new.is_dir());
    assert!(!left.exists());
}

#[test]
fn ctrl_c_leaves_no_project() {
    let folder = tempdir().unwrap();
    let git = fake_git("kill -INT $PPID");
    let output = command(folder.path())
        .args(["new", "x"])
        .env("PATH", format!("{}:/bin:/usr/bin", git.path().display()))
        .output()
        .unwrap();
    assert_snapshot!(transcript(folder.path(), &output), @r"
    exit code 130
    --- stderr
    error: interrupted; nothing was created
    ");
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn a_failing_git_is_reported() {
    let folder = tempdir().unwrap();
    let git = fake_git("echo 'fatal: no good today' >&2; exit 128");
    let output = command(folder.path())
        .args(["new", "x"])
        .env("PATH", git.path())
        .output()
        .unwrap();
    assert_snapshot!(transcript(folder.path(), &output), @r"
    exit code 2
    --- stderr
    error: failed to create a git repository
      because: fatal: no good today
    help: fix git, or skip it with --no-git
    ");
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn an_existing_folder_is_not_overwritten() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "mine").unwrap();
    fs::create_dir(path("full")).unwrap();
    fs::write(path("full/notes"), "mine").unwrap();
    symlink("nowhere", path("link")).unwrap();

    let all: String = ["file", "full", "link"]
        .map(|name| said(folder.path(), &["new", name]))
        .concat();
    assert_snapshot!(all, @r"
    exit code 2
    --- stderr
    error: [FOLDER]/file already exists
    help: choose another name, or another folder with --path DIR
    exit code 2
    --- stderr
    error: [FOLDER]/full already exists and is not empty
    help: choose another name, or another folder with --path DIR
    exit code 2
    --- stderr
    error: [FOLDER]/link already exists
    help: choose another name, or another folder with --path DIR
    ");
    assert_eq!(fs::read_to_string(path("file")).unwrap(), "mine");
    assert_eq!(entries(&path("full")), ["notes"]);
    assert_eq!(entries(folder.path()).len(), 3);
}

#[test]
fn a_read_only_folder_is_reported() {
    let folder = tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = as_another_user(folder.path());
    clean(&mut command, &closed);
    let output = command.args(["new", "x"]).output().unwrap();

    assert_snapshot!(transcript(folder.path(), &output), @r"
    exit code 2
    --- stderr
    error: failed to create a folder in [FOLDER]/closed
      because: permission denied
    ");
    assert!(entries(&closed).is_empty());
}

/// Returns a command that runs `mcpo` as a user who is subject to permissions, which root is not.
fn as_another_user(folder: &Path) -> Command {
    const NOBODY: u32 = 65534;
    if fs::metadata(folder).unwrap().uid() != 0 {
        return Command::new(env!("CARGO_BIN_EXE_mcpo"));
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let copy: PathBuf = folder.join("mcpo");
    fs::copy(env!("CARGO_BIN_EXE_mcpo"), &copy).unwrap();
    let mut command = Command::new(copy);
    command.uid(NOBODY).gid(NOBODY);
    command
}
