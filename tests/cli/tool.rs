//! Runs `mcpo` until it ends and captures its output.

use std::{
    path::Path,
    process::{Command, Output},
};

/// Variables of the shell that runs the tests, which must not affect `mcpo`.
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

/// Returns a command that runs `mcpo` in `folder`, with the same environment on every machine.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo"));
    clean(&mut command, folder);
    command
}

/// Applies the same folder and environment to any program.
pub fn clean(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env("NO_COLOR", "1");
    // A separate cache folder, which is removed together with `folder`.
    command.env("XDG_CACHE_HOME", folder.join(".cache"));
    for name in OUR_OWN {
        command.env_remove(name);
    }
}

/// Runs `mcpo` and returns its whole output, in a form that can be compared.
pub fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    transcript(folder, &output)
}

/// Returns the exit code, stdout and stderr, without the random name of the folder.
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
