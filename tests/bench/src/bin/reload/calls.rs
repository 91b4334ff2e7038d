//! Calls of the tool, single or at a steady rate.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The interval of 50 requests per second.
const CALL_INTERVAL: Duration = Duration::from_millis(20);

/// Calls the tool once on a new connection and returns the whole response.
pub fn call(port: u16, token: Option<&str>) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    send_call(&mut stream, port, token, "close")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

fn send_call(
    stream: &mut TcpStream,
    port: u16,
    token: Option<&str>,
    connection: &str,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet",
        "arguments":{"name":"Ada"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},
        "io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    // An older server does not know these headers and ignores them.
    let (version, newer) = match token {
        Some(_) => (
            "2026-07-28",
            "Mcp-Method: tools/call\r\nMcp-Name: greet\r\n",
        ),
        None => ("2025-06-18", ""),
    };
    let bearer = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: {connection}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Mcp-Protocol-Version: {version}\r\n{newer}{bearer}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())
}

/// Reads one response from a kept-alive connection. Returns true if the connection stays open.
fn read_kept(stream: &mut TcpStream) -> io::Result<bool> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let whole = match length {
            Some(length) => body.len() >= length.trim().parse().unwrap_or(0),
            None => body.ends_with("0\r\n\r\n"),
        };
        if whole {
            let good = head.starts_with("http/1.1 200");
            return if good {
                Ok(!head.contains("connection: close"))
            } else {
                Err(io::Error::other(head))
            };
        }
    }
}

/// Calls at a steady rate until `stop` is set. Returns the durations in milliseconds, and the
/// errors.
pub fn call_continuously(
    port: u16,
    token: &str,
    keep: bool,
    stop: &AtomicBool,
) -> (Vec<f64>, Vec<String>) {
    let (mut took, mut failed) = (Vec::new(), Vec::new());
    let mut kept: Option<TcpStream> = None;
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let outcome = (|| {
            if !keep {
                let answer = call(port, Some(token))?;
                let good = answer.starts_with("HTTP/1.1 200");
                return if good {
                    Ok(())
                } else {
                    Err(io::Error::other(answer))
                };
            }
            let mut stream = match kept.take() {
                Some(stream) => stream,
                None => TcpStream::connect((Ipv4Addr::LOCALHOST, port))?,
            };
            send_call(&mut stream, port, Some(token), "keep-alive")?;
            if read_kept(&mut stream)? {
                kept = Some(stream);
            }
            Ok(())
        })();
        match outcome {
            Ok(()) => took.push(began.elapsed().as_secs_f64() * 1e3),
            Err(error) => failed.push(error.to_string()),
        }
        next += CALL_INTERVAL;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    (took, failed)
}
