//! Waiting for what another process does: look again and again, give up at a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for a cold build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Looks until there is something to return; after a minute and a half the test has failed.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process of that number exists (one that nobody waited for does not count).
pub fn is_running(pid: u32) -> bool {
    let Ok(output) = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
    else {
        return false;
    };
    let state = String::from_utf8_lossy(&output.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}

/// Sends a signal, by the name that `kill` has for it.
pub fn signal(name: &str, pid: u32) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "no process {pid}"
    );
}
