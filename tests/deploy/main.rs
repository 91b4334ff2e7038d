//! Tests `mcpo deploy` against the Google stand-in, with the real binary, a real registry and real
//! containers.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod broken_servers;
mod checked_release;
mod concurrent_deployments;
mod concurrent_previews;
mod credentials;
mod domain;
mod drift;
mod dry_run;
mod end_to_end;
mod environments;
mod export;
mod faults;
mod google_clients;
mod image_file;
mod image_reuse;
mod interruptions;
mod invalid_settings;
mod json_schema;
mod memorystore;
mod model;
mod monitoring;
mod network;
mod plan;
mod previews;
mod private;
mod project;
mod refusals;
mod release;
mod remote_build;
mod retention;
mod retries;
mod rustflags;
mod scripts;
mod secrets;
mod supply_chain;
mod template_project;
