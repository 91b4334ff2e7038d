//! Answers connections while no server runs, so that clients do not wait for a server that has
//! stopped.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

use super::listener::Listener;

/// Time and size limits for the request, which is read but not used.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_REQUEST: usize = 64 * 1024;
/// How many connections are answered at the same time. The others wait.
const MAX_CONNECTIONS: usize = 32;
const MESSAGE: &str = "The server has stopped. `mcpo dev` starts it again after the next change, \
                       or if you press r in its terminal, which also shows why it stopped.\n";

/// Answers all connections with 503 until dropped.
#[derive(Debug)]
pub struct Unavailable(JoinHandle<()>);

impl Unavailable {
    /// Accepts the connections of `listener`, which the servers use at other times.
    pub fn answer(listener: &Listener) -> io::Result<Self> {
        let listener = match listener {
            #[cfg(unix)]
            Listener::PassSocket(listener) => listener.try_clone()?,
            Listener::Proxy { .. } => {
                let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                listener.proxy_to(Some(inner.local_addr()?));
                inner
            }
        };
        // The servers do the same with the socket that they get.
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let accept = async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                        if let Ok((stream, _)) = accepted {
                            connections.spawn(refuse(stream));
                        } else {
                            // For example too many open files.
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        };
        Ok(Self(tokio::spawn(accept)))
    }
}

impl Drop for Unavailable {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn refuse(mut stream: TcpStream) {
    // Reading the request first keeps the response from being lost when the connection closes.
    let _ = timeout(REQUEST_TIMEOUT, read_head(&mut stream)).await;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
         retry-after: 5\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{MESSAGE}",
        MESSAGE.len()
    );
    // The client may be gone.
    let _ = timeout(REQUEST_TIMEOUT, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
}

async fn read_head(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while head.len() < MAX_REQUEST && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(())
}
