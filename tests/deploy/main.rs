//! Tests `mcpo deploy` against the Google stand-in, with the real binary, a real registry and real
//! containers.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod credentials;
mod dry_run;
mod elsewhere;
mod faults;
mod flags;
mod independent;
mod interruptions;
mod mistakes;
mod model;
mod plan;
mod private;
mod project;
mod refusals;
mod release;
mod remote;
mod rivals;
mod scripts;
mod secrets;
mod whole;
