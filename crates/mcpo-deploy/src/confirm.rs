//! Asks for confirmation on the terminal.

use std::io::{BufRead as _, IsTerminal as _};

use mcpo_common::error::{Failure, Outcome};

use crate::context::Context;

/// Returns true if there is a terminal on which the user can answer.
pub fn can_ask(context: &Context<'_>) -> bool {
    std::io::stdin().is_terminal() && context.ui.is_terminal()
}

/// Asks the user to type the service's name. Returns true if the answer is that name.
pub async fn confirm(context: &Context<'_>, question: &str) -> Outcome<bool> {
    let name = &context.names.service_id;
    context.ui.say(format_args!("{question} ({name}):"));
    // On a separate thread, so that Ctrl-C still works.
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(std::io::Error::other).flatten();
    let line = line.map_err(|error| Failure::new("failed to read the answer").because(&error))?;
    Ok(line.trim() == name)
}
