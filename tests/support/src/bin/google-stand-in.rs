//! Runs the fake Google APIs until stdin ends, and prints the environment variables for clients.
//! With `--enabled`, all APIs are enabled from the start.

#![allow(clippy::print_stdout, reason = "the output is for the shell")]

use std::io::Read as _;

use mcpo_test_support::google::{Google, InitialState};

fn main() {
    let is_enabled = std::env::args().any(|argument| argument == "--enabled");
    let google = Google::start_with(InitialState {
        is_enabled,
        ..InitialState::default()
    });
    println!("export STAND_IN=http://{}", google.address());
    for (name, value) in google.environment() {
        println!("export {name}={value}");
    }
    let mut ignored = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut ignored);
    for violation in google.take_violations() {
        println!("# violation: {violation}");
    }
}
