//! A Unix socket in the file system.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use socket2::SockRef;
use tempfile::TempDir;
use tokio::net::UnixDatagram;

use super::RECEIVE_BUFFER;

/// The prefix of the folders for sockets. The id of the process that created the folder follows.
const FOLDERS: &str = "mcpo-dev-";

/// Returns the folders to try for a socket, best first. The path of a socket is limited to about
/// 100 bytes (`unix(7)`), so the folder for temporary files may be too deep.
fn folders() -> Vec<PathBuf> {
    let of_user = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let of_user = of_user.filter(|folder| folder.is_absolute());
    let mut folders = vec![env::temp_dir()];
    folders.extend(of_user);
    folders.push("/tmp".into());
    folders
}

/// Removes the folders that earlier runs left behind.
pub fn clean_up() {
    for folder in folders() {
        clean_up_in(&folder);
    }
}

fn clean_up_in(folder: &Path) {
    let entries = std::fs::read_dir(folder);
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDERS)?.split('-').next()?.parse().ok());
        let is_gone = owner
            .and_then(Pid::from_raw)
            .is_some_and(|owner| test_kill_process(owner) == Err(Errno::SRCH));
        if is_gone {
            // This fails if the folder belongs to another user, which is fine.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The socket and its folder.
#[derive(Debug)]
pub struct Named {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Named {
    /// Opens a socket in the first folder where that works. Fails with the last folder's error.
    pub fn open() -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for folder in folders() {
            match Self::open_in(&folder) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn open_in(folder: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{FOLDERS}{}-", std::process::id()))
            .tempdir_in(folder)?;
        let socket = UnixDatagram::bind(folder.path().join("ready"))?;
        // If this fails, only long reports are lost.
        let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        Ok(Self { socket, folder })
    }

    pub fn variable(&self) -> (&'static str, OsString) {
        ("NOTIFY_SOCKET", self.folder.path().join("ready").into())
    }

    pub async fn hear<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let length = self.socket.recv(buffer).await?;
        Ok(&buffer[..length])
    }
}
