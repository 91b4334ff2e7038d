//! Decides whether files must be polled, because their file system sends no events.

use std::{
    fs,
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
