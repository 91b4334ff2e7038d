//! Reads `/proc`: the inode of the socket, then the process that has the inode open. Processes of
//! other users are not visible.

use std::{fs, path::Path};

use mcpo_common::text::is_hidden;

/// The state of a listening socket.
const LISTENS: &str = "0A";

pub fn of_port(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let mut processes = fs::read_dir("/proc").ok()?.flatten();
    processes.find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        has_open(&entry.path(), &inodes).then(|| describe(&entry.path(), process))
    })
}

/// Returns the inodes of sockets that listen on the port: columns 2, 4 and 10 of the table.
fn listening(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    let rows = table.lines().skip(1);
    rows.filter_map(|row| {
        let columns: Vec<_> = row.split_ascii_whitespace().collect();
        let is_it = columns.get(1)?.ends_with(&port) && *columns.get(3)? == LISTENS;
        let inode = columns.get(9)?;
        is_it.then(|| (*inode).to_owned())
    })
    .collect()
}

fn has_open(process: &Path, inodes: &[String]) -> bool {
    let descriptors = fs::read_dir(process.join("fd"));
    descriptors.into_iter().flatten().flatten().any(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let inode = target
            .to_str()
            .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.iter().any(|known| known == inode))
    })
}

fn describe(process: &Path, id: u32) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    // A program chooses its own name, so hidden characters are removed.
    let name: String = name.chars().filter(|c| !is_hidden(*c)).collect();
    format!("{name} (process {id})")
}

#[cfg(test)]
mod tests {
    use super::listening;

    #[test]
    fn finds_the_socket_in_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1\n\
            \x20  1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1\n\
            \x20  2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12347 1\n";
        assert_eq!(listening(table, 8080), ["12345"]);
    }
}
