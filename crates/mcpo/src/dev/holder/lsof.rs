//! From `lsof`, which macOS has. Of other users' programs it tells administrators only.

#[cfg(not(any(target_os = "linux", windows)))]
use std::process::{Command, Stdio};

use crate::text::is_hidden;

#[cfg(not(any(target_os = "linux", windows)))]
pub fn of_port(port: u16) -> Option<String> {
    let output = Command::new("lsof")
        .args(["-nP", &format!("-iTCP:{port}"), "-sTCP:LISTEN", "-Fpc"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    describe(&String::from_utf8_lossy(&output.stdout))
}

/// The first process of the output for other programs: a line for each field, which begins with
/// the field's letter (lsof(8), "OUTPUT FOR OTHER PROGRAMS").
fn describe(text: &str) -> Option<String> {
    let field = |letter: char| text.lines().find_map(|line| line.strip_prefix(letter));
    let process: u32 = field('p')?.parse().ok()?;
    // A program chooses its name itself; lsof writes what is not printable as `\x..`.
    let name: String = field('c')?.chars().filter(|c| !is_hidden(*c)).collect();
    Some(format!("{name} (process {process})"))
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn the_first_process_is_named() {
        // `f`, the file, is there whether it was asked for or not.
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
