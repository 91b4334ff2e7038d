//! Runs the fixtures of the conformance suite as a separate process, configured by the environment.

use std::process::ExitCode;

use mcpo_test_support::fixture::Fixture;

fn main() -> ExitCode {
    mcpo_runtime::serve(Fixture::default())
}
