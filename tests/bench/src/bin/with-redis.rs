//! The benchmarked server, built with support for a ledger in Redis.

use std::process::ExitCode;

use mcpo_bench::trivial::Trivial;

fn main() -> ExitCode {
    mcpo_runtime::serve(Trivial)
}
