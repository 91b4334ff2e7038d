//! Stopping in two stages.

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    process::{Asked, Signals},
};
use tokio_util::sync::CancellationToken;

/// The two stages of stopping: first, calls in flight may finish; then everything stops at once.
#[derive(Debug, Default)]
pub struct Stop {
    pub gently: CancellationToken,
    pub at_once: CancellationToken,
}

impl Stop {
    /// Triggers the first stage on the first signal and the second stage on the second.
    pub async fn on_signals(&self) -> Outcome {
        let exit = self.on_two_signals().await;
        if exit.is_err() {
            self.gently.cancel();
        }
        exit
    }

    async fn on_two_signals(&self) -> Outcome {
        let signals = Signals::listen();
        let mut signals =
            signals.map_err(|error| Failure::new("failed to listen for Ctrl-C").because(&error))?;
        let mut exit = Exit::Success;
        for stage in [&self.gently, &self.at_once] {
            let asked = tokio::select! {
                asked = signals.next() => asked,
                () = self.at_once.cancelled() => return Ok(exit),
            };
            exit = match asked {
                Asked::Interrupt => Exit::Interrupted,
                Asked::End => Exit::Success,
            };
            stage.cancel();
        }
        Ok(exit)
    }
}
