//! Waits for the signals that stop the process.

use mcpo_runtime_oauth::base::error::{self, Error};
use tokio::signal;
use tokio_util::sync::CancellationToken;

/// Completes when the process must stop: on SIGTERM, on Ctrl-C, or under `mcpo dev` when stdin
/// ends. Stdin ends when the parent process has ended, for any reason.
pub(super) fn shutdown_requested(
    under_dev: bool,
) -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    let terminate = terminate()?;
    let parent_gone = CancellationToken::new();
    if under_dev {
        watch_stdin(parent_gone.clone())?;
    }
    Ok(async move {
        tokio::select! {
            () = terminate => {}
            _ = signal::ctrl_c() => {}
            () = parent_gone.cancelled() => {}
        }
    })
}

#[cfg(unix)]
fn terminate() -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    let stream = signal::unix::signal(signal::unix::SignalKind::terminate());
    let mut stream = stream.map_err(|source| error::system("listen for SIGTERM", source))?;
    Ok(async move {
        stream.recv().await;
    })
}

/// The window was closed, or the machine is shutting down.
#[cfg(windows)]
fn terminate() -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    let failed = |source| error::system("listen for console close events", source);
    let mut close = signal::windows::ctrl_close().map_err(failed)?;
    let mut shutdown = signal::windows::ctrl_shutdown().map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}

/// Uses a separate thread, because a read from stdin cannot be cancelled.
fn watch_stdin(parent_gone: CancellationToken) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name("parent-watch".into());
    let started = thread.spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        parent_gone.cancel();
    });
    started
        .map(drop)
        .map_err(|source| error::system("watch stdin", source))
}

/// The two stages of stopping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown {
    /// The server must stop: GET streams end.
    pub(crate) begun: CancellationToken,
    /// The time limit is over: everything ends.
    pub(crate) over: CancellationToken,
}
