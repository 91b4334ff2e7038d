//! Writes the manual pages of the command and of its subcommands. Only the tests contain this
//! module: packages ship the pages, so mcpo does not need to write them.

use std::{env, fs, path::Path};

use clap::CommandFactory as _;

use crate::cli::Cli;

/// The folder to write to. Without it, the test writes to a temporary folder.
const FOLDER: &str = "MAN_PAGES";

#[test]
fn man_pages_describe_every_flag() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = env::var_os(FOLDER).map_or_else(|| temporary.path().to_owned(), Into::into);
    clap_mangen::generate_to(Cli::command(), &folder).unwrap();
    let mut command = Cli::command();
    command.build();
    assert!(page(&folder, "mcpo").contains("mcpo\\-probe(1)"));
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name();
        if name == "help" {
            continue;
        }
        let page = page(&folder, &format!("mcpo-{name}"));
        for flag in subcommand.get_arguments().filter_map(clap::Arg::get_long) {
            let flag = format!("\\-\\-{}", flag.replace('-', "\\-"));
            assert!(page.contains(&flag), "mcpo-{name}.1 lacks {flag}");
        }
    }
}

fn page(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name).with_extension("1")).unwrap()
}
