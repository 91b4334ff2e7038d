//! Runs `netstat` and `tasklist`, which Windows includes.

#[cfg(windows)]
pub fn of_port(port: u16) -> Option<String> {
    let said = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let process = listening(&said("netstat", &["-ano"])?, port)?;
    let filter = format!("PID eq {process}");
    let tasks = said("tasklist", &["/FI", &filter, "/FO", "CSV", "/NH"])?;
    Some(match name(&tasks) {
        Some(name) => format!("{name} (process {process})"),
        None => format!("process {process}"),
    })
}

/// Returns the id of the process that listens on the port. The columns are protocol, local address,
/// remote address, state, and process. The state is translated on localized systems, so a listening
/// socket is recognized by its remote port 0.
fn listening(table: &str, port: u16) -> Option<u32> {
    let own = format!(":{port}");
    table.lines().find_map(|row| {
        let columns: Vec<_> = row.split_ascii_whitespace().collect();
        let [protocol, local, remote, .., process] = columns[..] else {
            return None;
        };
        let is_it = protocol == "TCP" && local.ends_with(&own) && remote.ends_with(":0");
        is_it.then(|| process.parse().ok())?
    })
}

/// Returns the first field of the first line, which is quoted. A line without quotes says that
/// there is no task.
fn name(tasks: &str) -> Option<&str> {
    let line = tasks.lines().find(|line| !line.trim().is_empty())?;
    let (name, _) = line.trim().strip_prefix('"')?.split_once('"')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_listeners_and_not_connections() {
        // The output of a French Windows, without the accents.
        let table = "\r\nConnexions\r\n\r\n\
            \x20 Proto  Local                  Distant                Etat             PID\r\n\
            \x20 TCP    127.0.0.1:50000        127.0.0.1:8080         ETABLI           1\r\n\
            \x20 TCP    127.0.0.1:8080         127.0.0.1:50000        ETABLI           2\r\n\
            \x20 TCP    127.0.0.1:18080        0.0.0.0:0              A L'ECOUTE       3\r\n\
            \x20 TCP    [::]:8080              [::]:0                 A L'ECOUTE       4\r\n\
            \x20 UDP    0.0.0.0:8080           *:*                                     5\r\n";
        assert_eq!(listening(table, 8080), Some(4));
        assert_eq!(listening(table, 8081), None);
    }

    #[test]
    fn reads_the_name_of_a_task() {
        let tasks = "\r\n\"my, server.exe\",\"4\",\"Console\",\"1\",\"5.000 K\"\r\n";
        assert_eq!(name(tasks), Some("my, server.exe"));
        assert_eq!(name("INFO: No tasks are running\r\n"), None);
    }
}
