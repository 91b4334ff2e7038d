//! Asks before a template's hook runs a command.
//!
//! cargo-generate hands such a command to `sh -c`, and its own question prints the command as it is,
//! so escape codes in it can hide what it does. Here the process that renders finds no other `sh` on
//! its path than this program (see [`Shell`]), which shows the command with everything hidden spelled
//! out, asks at the terminal, and becomes the real shell only after a clear yes.

use std::{
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::text::visible;

/// The path of the shell that runs approved commands; set for the process that renders.
const PATH: &str = "MCPO_NEW_PATH";
/// Set if the user can be asked.
const MAY_ASK: &str = "MCPO_NEW_MAY_ASK";
const NAME: &str = "sh";
/// How much of a command is shown, in characters. A longer one is not run.
const LIMIT: usize = 16 * 1024;
/// A refused command, as shells report one that cannot be run.
const REFUSED: u8 = 126;

/// A folder whose only program is the asking shell.
#[derive(Debug)]
pub struct Shell {
    folder: PathBuf,
}

impl Shell {
    /// Makes the folder. Commands of hooks fail where it cannot be made.
    pub fn make(folder: PathBuf, program: &Path) -> io::Result<Self> {
        fs::create_dir(&folder)?;
        #[cfg(unix)]
        std::os::unix::fs::symlink(program, folder.join(NAME))?;
        #[cfg(not(unix))]
        let _ = program;
        Ok(Self { folder })
    }

    /// Lets the process that renders find this shell and no other program.
    pub fn provide(&self, command: &mut Command, may_ask: bool) {
        command
            .env(PATH, env::var_os("PATH").unwrap_or_default())
            .env("PATH", &self.folder);
        if may_ask {
            command.env(MAY_ASK, "1");
        } else {
            command.env_remove(MAY_ASK);
        }
    }
}

/// Returns true if commands of hooks go through the asking shell. Windows looks for `cmd` elsewhere
/// first, so there hooks run no commands.
pub fn is_provided() -> bool {
    let Some(path) = env::var_os("PATH").filter(|_| cfg!(unix)) else {
        return false;
    };
    let is_ours = |shell: PathBuf| {
        let (shell, own) = (
            fs::canonicalize(shell),
            env::current_exe().and_then(fs::canonicalize),
        );
        matches!((shell, own), (Ok(shell), Ok(own)) if shell == own)
    };
    env::var_os(PATH).is_some() && is_ours(Path::new(&path).join(NAME))
}

/// Asks and runs the command, if this process was started as the asking shell.
pub fn stand_in() -> Option<ExitCode> {
    let path = env::var_os(PATH)?;
    let mut arguments = env::args_os();
    let name = PathBuf::from(arguments.next()?);
    if name.file_name()? != NAME {
        return None;
    }
    let (Some(flag), Some(command), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Some(ExitCode::from(REFUSED));
    };
    let is_approved = flag == "-c"
        && command
            .to_str()
            .is_some_and(|command| ask(command).unwrap_or(false));
    if !is_approved {
        let _ = writeln!(
            io::stderr(),
            "the command was not approved, so it was not run"
        );
        return Some(ExitCode::from(REFUSED));
    }
    Some(run(&path, &command))
}

fn run(path: &OsString, command: &OsString) -> ExitCode {
    let mut shell = Command::new(NAME);
    shell.arg("-c").arg(command).env("PATH", path);
    for own in [PATH, MAY_ASK, super::engine::ORDER] {
        shell.env_remove(own);
    }
    let status = match shell.status() {
        Ok(status) => status,
        Err(error) => {
            let _ = writeln!(io::stderr(), "failed to run sh: {error}");
            return ExitCode::from(REFUSED);
        }
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Asks at the terminal, where neither the command nor cargo-generate can answer.
fn ask(command: &str) -> io::Result<bool> {
    if env::var_os(MAY_ASK).is_none() || command.chars().count() > LIMIT {
        return Ok(false);
    }
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let mut out = &terminal;
    writeln!(out, "{}", question(command))?;
    write!(out, "Run it? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    BufReader::new(&terminal).read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The command as the user reads it, each of its lines behind a bar.
fn question(command: &str) -> String {
    let command = visible(command, LIMIT);
    let lines: Vec<_> = command
        .split('\n')
        .map(|line| format!("  | {line}"))
        .collect();
    format!(
        "The template asks to run this command:\n{}",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::question;

    #[test]
    fn a_command_cannot_hide_behind_escape_codes_or_invisible_characters() {
        let command =
            "rm -rf ~ #\u{1b}[2K\u{1b}[1Gecho hi\u{1b}[8m\u{202e}\u{180e}\u{fff9}\r\ntouch x";
        assert_eq!(
            question(command),
            "The template asks to run this command:\n  | rm -rf ~ #\\u{1b}[2K\\u{1b}[1Gecho \
             hi\\u{1b}[8m\\u{202e}\\u{180e}\\u{fff9}\n  | touch x"
        );
    }
}
