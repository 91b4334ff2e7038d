//! Runs the sample server as a separate process, configured by the environment.

use std::process::ExitCode;

use mcpo_test_support::sample::Sample;

fn main() -> ExitCode {
    mcpo_runtime::serve(Sample)
}
