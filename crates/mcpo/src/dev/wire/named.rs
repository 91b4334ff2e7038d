//! A socket in the file system.

use std::{ffi::OsString, io};

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use tempfile::TempDir;
use tokio::net::UnixDatagram;

/// Folders of sockets begin with this, then comes the process that made them.
const FOLDERS: &str = "mcpo-dev-";

/// Removes what was left by runs that had no time to do it.
pub fn clean_up() {
    let entries = std::fs::read_dir(std::env::temp_dir());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDERS)?.split('-').next()?.parse().ok());
        let is_gone = owner
            .and_then(Pid::from_raw)
            .is_some_and(|owner| test_kill_process(owner) == Err(Errno::SRCH));
        if is_gone {
            // It may be somebody else's, and then it stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The socket and the folder it lies in.
#[derive(Debug)]
pub struct Named {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Named {
    pub fn open() -> io::Result<Self> {
        // Not in the project: the path of a socket must be short.
        let folder = tempfile::Builder::new()
            .prefix(&format!("{FOLDERS}{}-", std::process::id()))
            .tempdir()?;
        Ok(Self {
            socket: UnixDatagram::bind(folder.path().join("ready"))?,
            folder,
        })
    }

    pub fn variable(&self) -> (&'static str, OsString) {
        ("NOTIFY_SOCKET", self.folder.path().join("ready").into())
    }

    pub async fn hear<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let length = self.socket.recv(buffer).await?;
        Ok(&buffer[..length])
    }
}
