//! The room of `mcpo new`.

use clap::Args;

use crate::{error::Outcome, ui::Ui};

/// Arguments of `mcpo new`.
#[derive(Debug, Args)]
pub struct NewArgs {}

pub fn run(_args: &NewArgs, _ui: &Ui) -> Outcome {
    Err(crate::error::Failure::new("not there yet"))
}
