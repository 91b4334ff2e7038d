//! Asks the user before a hook of a template runs a command.
//!
//! cargo-generate passes such a command to `sh -c`. Its own question prints the command unchanged,
//! so escape codes in the command can hide what it does. In the process that renders, the only `sh`
//! on the path is therefore this program (see [`Shell`]). It shows the command with all hidden
//! characters escaped, asks at the terminal, and runs the real shell only after an explicit yes.

use std::{
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use mcpo_common::text::visible;

/// Contains the path for approved commands. Set in the process that renders.
const PATH: &str = "MCPO_NEW_PATH";
/// Contains the order for the process that renders, as JSON.
pub const ORDER: &str = "MCPO_NEW_ORDER";
/// Set if a user can answer questions.
const MAY_ASK: &str = "MCPO_NEW_MAY_ASK";
const NAME: &str = "sh";
/// The longest command that can be approved, in characters. Longer commands are not run.
const LIMIT: usize = 16 * 1024;
/// The exit code of a refused command. Shells use it for a command that cannot be executed.
const REFUSED: u8 = 126;

/// A folder whose only program is the asking shell.
#[derive(Debug)]
pub struct Shell {
    folder: PathBuf,
}

impl Shell {
    /// Creates the folder. Fails if the folder or the link cannot be created.
    pub fn make(folder: PathBuf, program: &Path) -> io::Result<Self> {
        fs::create_dir(&folder)?;
        #[cfg(unix)]
        std::os::unix::fs::symlink(program, folder.join(NAME))?;
        #[cfg(not(unix))]
        let _ = program;
        Ok(Self { folder })
    }

    /// Makes this shell the only program that the process that renders can find.
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

/// Returns true if the commands of hooks go through the asking shell. Windows searches other
/// folders for `cmd` first, so hooks run no commands there.
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

/// If this process was started as the asking shell, asks the user and runs the command.
pub fn run_as_shell() -> Option<ExitCode> {
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
    for own in [PATH, MAY_ASK, ORDER] {
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

/// Asks at the terminal device, so that neither the command nor cargo-generate can answer.
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

/// Returns the command as shown to the user, with a bar in front of each line.
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
    fn hidden_characters_of_a_command_are_spelled_out() {
        let command =
            "rm -rf ~ #\u{1b}[2K\u{1b}[1Gecho hi\u{1b}[8m\u{202e}\u{180e}\u{fff9}\r\ntouch x";
        assert_eq!(
            question(command),
            "The template asks to run this command:\n  | rm -rf ~ #\\u{1b}[2K\\u{1b}[1Gecho \
             hi\\u{1b}[8m\\u{202e}\\u{180e}\\u{fff9}\n  | touch x"
        );
    }
}
