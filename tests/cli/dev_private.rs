//! Only the owner can read the files that `mcpo dev` stores.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use mcpo_test_support::tiny::TinyProject;

use crate::running::Dev;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_environment_file_that_gets_a_secret_becomes_private() {
    let project = TinyProject::new();
    project.write(".env", "GREETING=hello\n");
    set_mode(&project.path(".env"), 0o644);
    let dev = Dev::start(&project, &[]);
    dev.wait_for("a development secret in .env, which only you can read from now on");
    assert_eq!(mode(&project.path(".env")), 0o600);
    let text = fs::read_to_string(project.path(".env")).unwrap();
    assert!(text.starts_with("GREETING=hello\n"), "{text}");
    assert!(text.contains("MCPO_SECRET="), "{text}");
}

#[test]
fn a_private_environment_file_keeps_its_mode() {
    let project = TinyProject::new();
    project.write(".env", "GREETING=hello\n");
    set_mode(&project.path(".env"), 0o600);
    let dev = Dev::start(&project, &[]);
    dev.wait_for("Created a development secret in .env\n");
    assert_eq!(mode(&project.path(".env")), 0o600);
}

#[test]
fn the_state_folder_is_private() {
    let project = TinyProject::new();
    let state = project.path(".mcpo");
    fs::create_dir(&state).unwrap();
    set_mode(&state, 0o755);
    let dev = Dev::start(&project, &[]);
    dev.wait_for("Starting ");
    assert_eq!(mode(&state), 0o700);
    drop(dev);

    fs::remove_dir_all(&state).unwrap();
    let dev = Dev::start(&project, &[]);
    dev.wait_for("Starting ");
    assert_eq!(mode(&state), 0o700);
}
