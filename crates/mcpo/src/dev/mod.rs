//! The room of `mcpo dev`.

use clap::Args;

use crate::{error::Outcome, ui::Ui};

/// Arguments of `mcpo dev`.
#[derive(Debug, Args)]
pub struct DevArgs {}

pub fn run(_args: DevArgs, _ui: &Ui) -> Outcome {
    Err(crate::error::Failure::new("not there yet"))
}
