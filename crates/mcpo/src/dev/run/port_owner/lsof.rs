//! Runs `lsof`, which macOS includes. Only administrators see the processes of other users.

#[cfg(not(any(target_os = "linux", windows)))]
use std::process::{Command, Stdio};

use mcpo_common::text::is_hidden;

#[cfg(not(any(target_os = "linux", windows)))]
pub fn of_port(port: u16) -> Option<String> {
    let output = Command::new("lsof")
        .args(["-nP", &format!("-iTCP:{port}"), "-sTCP:LISTEN", "-Fpc"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    describe(&String::from_utf8_lossy(&output.stdout))
}

/// Returns the first process in the output for other programs: one line per field, which begins
/// with the letter of the field (lsof(8), "OUTPUT FOR OTHER PROGRAMS").
fn describe(text: &str) -> Option<String> {
    let field = |letter: char| text.lines().find_map(|line| line.strip_prefix(letter));
    let process: u32 = field('p')?.parse().ok()?;
    // A program chooses its own name, so hidden characters are removed. lsof writes unprintable
    // characters as `\x..`.
    let name: String = field('c')?.chars().filter(|c| !is_hidden(*c)).collect();
    Some(format!("{name} (process {process})"))
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn the_first_process_is_named() {
        // lsof prints `f`, the file, even if it was not requested.
        let text = "p4711\ncnode\nf23\np4712\ncpython3.13\nf5\nf6\n";
        assert_eq!(describe(text).as_deref(), Some("node (process 4711)"));
        assert_eq!(describe(""), None);
        assert_eq!(
            describe("p12\ncControlCe\nf10\n").as_deref(),
            Some("ControlCe (process 12)")
        );
        assert_eq!(describe("pnone\ncx\n"), None);
    }
}
