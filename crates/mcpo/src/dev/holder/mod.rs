//! Which program holds a port: its name and process number, as far as the system tells them to us.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(windows, test))]
mod netstat;

#[cfg(target_os = "linux")]
pub use self::linux::of_port;
#[cfg(windows)]
pub use self::netstat::of_port;

/// From `lsof`, which macOS has.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn of_port(port: u16) -> Option<String> {
    let output = std::process::Command::new("lsof")
        .args(["-nP", &format!("-iTCP:{port}"), "-sTCP:LISTEN", "-Fpc"])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |kind: char| text.lines().find_map(|line| line.strip_prefix(kind));
    Some(format!("{} (process {})", field('c')?, field('p')?))
}
