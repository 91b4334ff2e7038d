//! Polling for the effects of other processes, with a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for a cold build on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Polls until `inspect` returns a value. Panics after 90 seconds.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < TIMEOUT, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns true if a process with this id exists. Zombies do not count.
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

/// Sends a signal, given by its name for `kill`.
pub fn signal(name: &str, pid: u32) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "no process {pid}"
    );
}
