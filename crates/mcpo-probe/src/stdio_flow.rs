//! The probe of a local server: starts it, uses it as a client does, and ends it.

use crate::{
    check::{Fault, Log, Step},
    mcp::{self, StdioClient},
    plan::Plan,
    rules,
    stdio::{Ending, ServerCommand, noise_hint},
    usage::use_server,
};

/// Runs all checks of a local server.
pub async fn steps(plan: &Plan, log: &mut Log<'_>, command: &ServerCommand) -> Step<()> {
    let mut server = start(plan, log, command).await?;
    let handshake = mcp::handshake(&mut server, log).await;
    let used = match &handshake {
        Ok(negotiated_version) => {
            Box::pin(use_server(plan, &mut server, log, negotiated_version)).await
        }
        Err(_) => Ok(Ok(())),
    };
    check_exit(log, &mut server).await;
    check_output(log, &server);
    let negotiated_version = handshake?;
    // Each of these requests needs a new process. Some servers cannot run twice at the same time.
    mcp::negotiate(&mut server, log, &negotiated_version).await;
    used?
}

/// Starts the server and waits for its first response.
async fn start<'p>(
    plan: &'p Plan,
    log: &mut Log<'_>,
    command: &'p ServerCommand,
) -> Step<StdioClient<'p>> {
    let pending = rules::STDIO_START.begin();
    match StdioClient::start(command, plan.timeout, log.recorder()).await {
        Ok(server) => {
            pending.pass(log, "answers over stdio");
            Ok(server)
        }
        Err(error) if error.is_not_started() => {
            Err(pending.could_not_run(log, error.to_string(), error.hint()))
        }
        Err(error) => {
            let expected = "an answer to server/discover or initialize";
            Err(pending.fail(log, Fault::new(error.to_string(), expected, error.hint())))
        }
    }
}

/// Checks that stdout had only messages. Clients skip other lines, or show them as errors.
fn check_output(log: &mut Log<'_>, server: &StdioClient<'_>) {
    let pending = rules::STDIO_OUTPUT.begin();
    let Some(line) = server.noise() else {
        return pending.pass(log, "only messages");
    };
    let seen = format!("a line that is no message: {line:?}");
    let expected = "only messages, each a JSON-RPC object on one line";
    let _ = pending.fail(log, Fault::new(seen, expected, noise_hint(line)));
}

/// Checks that the server ends when its stdin closes. Clients kill it otherwise.
async fn check_exit(log: &mut Log<'_>, server: &mut StdioClient<'_>) {
    let pending = rules::STDIO_EXIT.begin();
    match server.close().await {
        None => pending.skip(log, "the process ended before it"),
        Some(Ending::ByItself(status)) if status.success() => {
            pending.pass(log, status.to_string());
        }
        Some(Ending::ByItself(status)) => {
            let expected = "exit status 0 when stdin closes";
            let hint = "end without an error when stdin closes: run the command by hand, and press \
                        Ctrl-D to see what it prints";
            pending.warn(log, Fault::new(status.to_string(), expected, hint));
        }
        Some(Ending::Killed) => {
            let seen = format!(
                "still running {:.0} s after stdin closed",
                StdioClient::CLOSING.as_secs_f64()
            );
            let expected = "the end of the process when stdin closes";
            let hint = "end the process when stdin closes: stop timers, and close connections and \
                        listeners; clients kill it, so that it cannot save its state";
            pending.warn(log, Fault::new(seen, expected, hint));
        }
    }
}
