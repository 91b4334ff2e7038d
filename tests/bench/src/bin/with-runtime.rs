//! The benchmarked server, as a user writes it.

use std::process::ExitCode;

use mcpo_bench::trivial::Trivial;

fn main() -> ExitCode {
    mcpo_runtime::serve(Trivial)
}
