//! What the process hears from outside, and what it says to whoever started it.

use tokio::signal;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// Ready when the process is to stop: SIGTERM, Ctrl-C, or under `mcpo dev` the end of stdin, which
/// comes when the parent is gone, however it went.
pub(super) fn told_to_stop(
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
    let mut stream = stream.map_err(|source| Error::System {
        action: "listen for SIGTERM",
        source,
    })?;
    Ok(async move {
        stream.recv().await;
    })
}

#[cfg(not(unix))]
fn terminate() -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    Ok(std::future::pending())
}

/// A thread of its own: a read from stdin cannot be given up.
fn watch_stdin(parent_gone: CancellationToken) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name("parent-watch".into());
    let started = thread.spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        parent_gone.cancel();
    });
    started.map(drop).map_err(|source| Error::System {
        action: "watch stdin",
        source,
    })
}

/// Tells systemd, or `mcpo dev`, how far this process is (`sd_notify(3)`).
pub(super) fn notify(state: &str) {
    #[cfg(unix)]
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET") {
        let sent = std::os::unix::net::UnixDatagram::unbound()
            .and_then(|socket| socket.send_to(state.as_bytes(), &path));
        if let Err(error) = sent {
            // The parent may be gone, which is why this process stops.
            tracing::debug!(%error, "cannot tell the parent process: {state}");
        }
    }
    #[cfg(not(unix))]
    let _ = state;
}
