//! Commands of mcpo in the documentation, checked with the real command line.

use clap::{Parser as _, error::ErrorKind};

use super::{
    markdown::{blocks, spans},
    pages_below, read,
};
use crate::cli::Cli;

/// Returns the words of the commands of mcpo in a line of a shell.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words = words(line);
    let separators = ["&&", "||", ";", "|", "&", ">"];
    let commands = words.split(|word| separators.contains(&word.as_str()));
    let commands = commands.map(|command| {
        let is_setting = |word: &&String| {
            let name = word.split_once('=').map(|(name, _)| name);
            name.is_some_and(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        };
        command.iter().skip_while(is_setting).cloned().collect()
    });
    commands
        .filter(|command: &Vec<String>| command.first().is_some_and(|word| word == "mcpo"))
        .collect()
}

/// Splits a line into words: quotes keep a word together, and a comment ends the line.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.push(String::new()),
            None if c == '#' && words.last().is_some_and(String::is_empty) => break,
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns what is wrong with a command.
fn problem(command: &[String], is_complete: bool) -> Option<String> {
    let error = Cli::try_parse_from(command).err()?;
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        // A span names a command, or shows the form of its arguments.
        ErrorKind::MissingRequiredArgument
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::ValueValidation => !is_complete,
        _ => false,
    };
    (!is_fine).then(|| format!("{}: {error}", command.join(" ")))
}

#[test]
fn commands_in_the_documentation_are_accepted() {
    let mut pages = pages_below("docs");
    pages.extend(pages_below("templates"));
    pages.extend(["README.md".into(), "CONTRIBUTING.md".into()]);
    let mut problems = Vec::new();
    let mut checked = 0;
    for page in pages {
        // The help texts have their own tests.
        if page == "docs/command-line.md" {
            continue;
        }
        let text = read(&page);
        for block in blocks(&text) {
            if !["", "sh", "yaml"].contains(&block.language.as_str()) {
                continue;
            }
            let joined = block.text.replace("\\\n", " ");
            for line in joined.lines() {
                let line = line.trim_start().trim_start_matches("- run: ");
                for command in commands(line) {
                    checked += 1;
                    let found = problem(&command, true);
                    problems.extend(found.map(|found| format!("{page}:{}: {found}", block.line)));
                }
            }
        }
        for span in spans(&text) {
            for command in commands(&span) {
                checked += 1;
                problems.extend(problem(&command, false).map(|found| format!("{page}: {found}")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked > 100, "only {checked} commands were found");
}

#[test]
fn unknown_flags_and_commands_are_problems() {
    for line in [
        "mcpo dev --tunel",
        "cd x && A=1 mcpo probe http://localhost/mcp --fast",
        "mcpo start",
    ] {
        let commands = commands(line);
        assert_eq!(commands.len(), 1, "{line}");
        assert!(problem(&commands[0], false).is_some(), "{line}");
    }
    assert!(problem(&commands("mcpo probe")[0], false).is_none());
    assert!(commands("# mcpo dev --fast").is_empty());
}
