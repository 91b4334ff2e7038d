//! Finds the name and the id of the process that listens on a port, as far as the system reports
//! them.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(any(target_os = "linux", windows)), test))]
mod lsof;
#[cfg(any(windows, test))]
mod netstat;

#[cfg(target_os = "linux")]
pub use self::linux::of_port;
#[cfg(not(any(target_os = "linux", windows)))]
pub use self::lsof::of_port;
#[cfg(windows)]
pub use self::netstat::of_port;
