//! Leads the custom domain to the service: refuses what cannot work, plans and creates the domain
//! mapping, waits for its certificate, and shows what the owner must do.

mod lines;
mod load_balancer;
mod reconnect;
mod refusal;
mod report;
mod wait;

pub use self::{
    reconnect::{base_after_shift, check as check_reconnect},
    refusal::check,
    report::{
        as_json, as_json_after, missing_records, print, print_left_over, print_preview, state,
    },
    wait::complete,
};

/// The state of the domain after the deployment.
#[derive(Debug)]
pub struct Completed {
    pub is_serving: bool,
    /// Whether this run created the mapping.
    pub is_made: bool,
    /// What the owner must do or wait for, as lines.
    pub remaining: Vec<String>,
}
