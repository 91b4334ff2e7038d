//! The room of `mcpo probe`.

use clap::Args;

use crate::{error::Outcome, ui::Ui};

/// Arguments of `mcpo probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {}

pub fn run(_args: ProbeArgs, _ui: &Ui) -> Outcome {
    Err(crate::error::Failure::new("not there yet"))
}
