//! The reference of all flags, from the definitions of the command line.

use clap::{Command, CommandFactory as _};

use super::assert_generated;
use crate::cli::Cli;

/// The width of a page in columns.
const WIDTH: usize = 96;

fn reference() -> String {
    let mut page = String::from(
        "# Command line\n\nThis page is generated from the help texts of mcpo. `mcpo COMMAND --help` \
         prints the same.\n",
    );
    let mut command = Cli::command().term_width(WIDTH);
    command.build();
    page += &section("mcpo", &mut command);
    for subcommand in command.get_subcommands_mut() {
        if subcommand.get_name() != "help" && !subcommand.is_hide_set() {
            let title = format!("mcpo {}", subcommand.get_name());
            page += &section(&title, subcommand);
        }
    }
    page
}

fn section(title: &str, command: &mut Command) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    format!(
        "\n## {title}\n\n```text\n{}\n```\n",
        lines.join("\n").trim()
    )
}

#[test]
fn the_reference_lists_all_flags() {
    let page = reference();
    for flag in ["--tunnel", "--as", "--canary", "--template"] {
        assert!(page.contains(flag), "{flag}");
    }
    assert_generated("docs/command-line.md", &page);
}
