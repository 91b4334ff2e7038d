//! The measured server, built with what a ledger in Redis needs.

use std::process::ExitCode;

use mcpo_bench::trivial::Trivial;

fn main() -> ExitCode {
    mcpo_runtime::serve(Trivial)
}
