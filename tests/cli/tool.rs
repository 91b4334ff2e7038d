//! Runs `mcpo` to its end and keeps what it said.

use std::{
    path::Path,
    process::{Command, Output},
};

/// What would come in from the shell the tests are run in.
const OUR_OWN: &[&str] = &[
    "ADMIN_PASSWORD",
    "BASE_URL",
    "CARGO_TARGET_DIR",
    "HOST",
    "MCPO_DEV_LEAD",
    "MCPO_LEDGER",
    "MCPO_OPEN_TO_ANYONE",
    "MCPO_SECRET",
    "MCPO_STATE_DIR",
    "PORT",
];

/// `mcpo` in `folder`, with an environment that is the same everywhere.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo"));
    clean(&mut command, folder);
    command
}

/// Any program, under the same conditions.
pub fn clean(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env("NO_COLOR", "1");
    // Nobody else's, and gone with the folder.
    command.env("XDG_CACHE_HOME", folder.join(".cache"));
    for name in OUR_OWN {
        command.env_remove(name);
    }
}

/// Runs `mcpo` and returns everything it said, in a form to compare.
pub fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    transcript(folder, &output)
}

/// Exit code, stdout and stderr, without the folder's random name.
pub fn transcript(folder: &Path, output: &Output) -> String {
    let mut parts = vec![match output.status.code() {
        Some(code) => format!("exit code {code}\n"),
        None => format!("{}\n", output.status),
    }];
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let said = String::from_utf8_lossy(bytes);
        if !said.trim().is_empty() {
            parts.push(format!("--- {name}\n{}\n", said.trim_end()));
        }
    }
    parts
        .concat()
        .replace(&*folder.to_string_lossy(), "[FOLDER]")
}
