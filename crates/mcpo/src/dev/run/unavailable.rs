//! Answers connections while no server runs, so that clients do not wait for a server that has
//! stopped.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
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

/// Answers all connections with 503 until dropped. Connections that it has accepted before are still
/// answered then.
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
        Ok(Self(tokio::spawn(accept(listener))))
    }
}

impl Drop for Unavailable {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept(listener: tokio::net::TcpListener) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
        if let Ok((stream, _)) = listener.accept().await {
            // A separate task: no server can answer a connection that was accepted here.
            tokio::spawn(async move {
                refuse(stream).await;
                drop(permit);
            });
        } else {
            // For example too many open files.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_was_accepted_is_answered_after_the_end() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let unavailable = Unavailable(tokio::spawn(accept(listener)));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        // The first answer shows that the connection before it was accepted.
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        first.read_to_string(&mut answer).await.unwrap();
        drop(unavailable);
        client.write_all(b"\r\n").await.unwrap();
        answer.clear();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}
