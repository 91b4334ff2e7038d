//! Decides whether files must be polled: because their file system sends no events, or because a
//! limit of the system is reached.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The pause between two checks of all files.
pub const INTERVAL: Duration = Duration::from_millis(500);
/// File systems whose files may change without an event: network shares, and folders of a host
/// system.
const WITHOUT_EVENTS: &[&str] = &[
    "9p", "cifs", "drvfs", "ncpfs", "nfs", "nfs4", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs",
];
/// Local disks that are mounted by a user-space program.
const FUSE_WITH_EVENTS: &str = "fuseblk";

/// `EMFILE`, which Linux returns at the limit of inotify instances.
const TOO_MANY_OPEN_FILES: i32 = 24;

/// Why the system sends no events although the file system could.
#[derive(Debug)]
pub enum NoEvents {
    /// The user has as many inotify instances as allowed: one per program that watches files.
    Instances,
    /// The user watches as many folders as allowed.
    Watches,
    Other(String),
}

impl NoEvents {
    /// Returns the reason for an error of the system's watcher (`inotify(7)`).
    pub fn of(error: &notify::Error) -> Self {
        match &error.kind {
            notify::ErrorKind::MaxFilesWatch => Self::Watches,
            notify::ErrorKind::Io(error) if error.raw_os_error() == Some(TOO_MANY_OPEN_FILES) => {
                Self::Instances
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl fmt::Display for NoEvents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name, least) = match self {
            Self::Instances => ("instances", "max_user_instances", 1024),
            Self::Watches => ("watches", "max_user_watches", 524_288),
            Self::Other(error) => {
                return write!(
                    formatter,
                    "the system reports no file events ({error}); mcpo checks the files twice a \
                     second"
                );
            }
        };
        // A limit that was reached must at least be doubled.
        let now = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"));
        let now = now.ok().and_then(|text| text.trim().parse::<u64>().ok());
        let limit = now.map_or(least, |now| now.saturating_mul(2).max(least));
        write!(
            formatter,
            "the limit of inotify {what} is reached; mcpo checks the files twice a second; to get \
             file events again, raise the limit and restart mcpo dev: sudo sysctl \
             fs.inotify.{name}={limit}"
        )
    }
}

/// Returns the type of the file system that contains `folder`, if its files must be polled. Only
/// Linux lists its mounts.
pub fn file_system_without_events(folder: &Path) -> Option<String> {
    let folder = dunce::canonicalize(folder).ok()?;
    let kind = kind_of(&folder, &fs::read_to_string("/proc/self/mountinfo").ok()?)?;
    let is_fuse = kind.starts_with("fuse") && kind != FUSE_WITH_EVENTS;
    (is_fuse || WITHOUT_EVENTS.contains(&&*kind)).then_some(kind)
}

/// Returns the type of the file system, from the lines of `mountinfo` (`proc_pid_mountinfo(5)`).
fn kind_of(folder: &Path, mounts: &str) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let point = PathBuf::from(unescape(mount.split(' ').nth(4)?));
        let kind = system.split(' ').next()?;
        folder
            .starts_with(&point)
            .then(|| (point.components().count(), kind.to_owned()))
    });
    // If several are mounted at one place, the last one hides the others.
    mounts.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// Decodes characters such as spaces, which `mountinfo` writes in octal.
fn unescape(path: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    escapes
        .iter()
        .fold(path.to_owned(), |path, (escape, plain)| {
            path.replace(escape, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_decides() {
        let mounts = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      30 21 0:40 / /mnt/c rw,noatime - 9p drvfs rw\n\
                      31 21 0:41 / /mnt/my\\040disk rw shared:2 - fuse.bindfs bindfs rw\n\
                      32 30 8:2 / /mnt/c/disk rw - ext4 /dev/sdb rw\n\
                      33 21 8:3 / /over rw - 9p a rw\n\
                      34 33 8:3 / /over rw - xfs b rw\n";
        let kind = |path: &str| kind_of(Path::new(path), mounts).unwrap();
        assert_eq!(kind("/home/me"), "ext4");
        assert_eq!(kind("/mnt/c/code"), "9p");
        assert_eq!(kind("/mnt/c/disk/code"), "ext4");
        assert_eq!(kind("/mnt/cd"), "ext4");
        assert_eq!(kind("/mnt/my disk/code"), "fuse.bindfs");
        assert_eq!(kind("/over/code"), "xfs");
    }
}
