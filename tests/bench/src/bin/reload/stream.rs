//! Calls of the older protocol, whose response is an event stream.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::Duration,
};

use crate::watched::Watched;

pub const STREAMS: usize = 5;

/// Makes calls over SSE that are open during a reload, and returns their errors.
pub fn over_reloads(ours: &mut Watched) -> Vec<String> {
    let token = ours.token.clone().expect("a token");
    let port = ours.port;
    ours.add_slow_tool();
    let mut failed = Vec::new();
    for round in 0..STREAMS {
        let session = match begin(port, &token) {
            Ok(session) => session,
            Err(error) => {
                failed.push(error.to_string());
                continue;
            }
        };
        let token = token.clone();
        let call = thread::spawn(move || slow_call(port, &token, &session));
        thread::sleep(Duration::from_millis(100));
        ours.edit(200 + round);
        if call.is_finished() {
            failed.push("the call was over before the reload".to_owned());
        }
        if let Err(error) = call.join().expect("a caller") {
            failed.push(error.to_string());
        }
    }
    failed
}

fn post(port: u16, token: &str, session: Option<&str>, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let session = session.map_or_else(String::new, |id| format!("Mcp-Session-Id: {id}\r\n"));
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Mcp-Protocol-Version: 2025-11-25\r\nAuthorization: Bearer {token}\r\n{session}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 2") {
        Ok(answer)
    } else {
        Err(io::Error::other(answer))
    }
}

/// Begins a session and returns its id.
pub fn begin(port: u16, token: &str) -> io::Result<String> {
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        "capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let answer = post(port, token, None, hello)?;
    let id = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("mcp-session-id").then_some(value)
    });
    let id = id.ok_or_else(|| io::Error::other("no session"))?.to_owned();
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    post(port, token, Some(&id), initialized)?;
    Ok(id)
}

/// Calls the slow tool and reads the whole response.
pub fn slow_call(port: u16, token: &str, session: &str) -> io::Result<()> {
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"linger","arguments":{}}}"#;
    let answer = post(port, token, Some(session), call)?;
    let is_stream = answer.to_ascii_lowercase().contains("text/event-stream");
    // The response must be complete, including the last chunk.
    if is_stream && answer.contains("lingered") && answer.ends_with("0\r\n\r\n") {
        Ok(())
    } else {
        Err(io::Error::other(answer))
    }
}
