//! What the user sees and types: the banner, hotkeys, the progress of clients, and probes.

pub mod banner;
pub mod client_progress;
pub mod hotkeys;
mod probe_report;
pub mod prober;
pub mod reporter;
