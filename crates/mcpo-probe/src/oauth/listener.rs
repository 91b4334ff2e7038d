//! `--browser`: opens the user's own browser, and listens on loopback for the redirect.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::callback::UnverifiedCallback;

/// How long the user has to sign in.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(300);
/// Limits for the request line of a connection: its time, and its length in bytes.
const LINE_TIME: Duration = Duration::from_secs(5);
const LINE_LIMIT: u64 = 64 * 1024;

/// Listens for the redirect, on loopback only.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    pub redirect_uri: Url,
}

impl Listener {
    pub async fn bind(path: &str) -> std::io::Result<Self> {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}{path}", socket.local_addr()?);
        let redirect_uri = Url::parse(&address).map_err(std::io::Error::other)?;
        Ok(Self {
            socket,
            redirect_uri,
        })
    }

    /// Opens `url` in the user's browser, without a shell, and waits for the redirect. Returns
    /// `None` if it does not come in time.
    pub async fn visit(&self, url: &Url) -> std::io::Result<Option<UnverifiedCallback>> {
        webbrowser::open(url.as_str())?;
        match tokio::time::timeout(SIGN_IN_TIMEOUT, self.wait()).await {
            Ok(callback) => callback.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Browsers request more than the redirect (`/favicon.ico`); everything else gets a 404.
    async fn wait(&self) -> std::io::Result<UnverifiedCallback> {
        loop {
            let (mut stream, _) = self.socket.accept().await?;
            let Ok(Some(path)) = tokio::time::timeout(LINE_TIME, request_path(&mut stream)).await
            else {
                continue;
            };
            let asked = self.redirect_uri.join(&path).ok();
            let callback = asked.and_then(|url| UnverifiedCallback::at(&url, &self.redirect_uri));
            let (status, text) = match callback {
                Some(_) => ("200 OK", "Done. Go back to the terminal."),
                None => ("404 Not Found", "Not found."),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            // The callback has arrived, so it does not matter if the browser is gone.
            let _ = stream.write_all(answer.as_bytes()).await;
            if let Some(callback) = callback {
                return Ok(callback);
            }
        }
    }
}

/// Returns the path of a GET request; `None` for anything else.
async fn request_path(stream: &mut TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream.take(LINE_LIMIT)).lines();
    let line = lines.next_line().await.ok()??;
    let path = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    // Read the rest of the request, so that closing the connection does not reset it.
    while lines
        .next_line()
        .await
        .ok()?
        .is_some_and(|line| !line.is_empty())
    {}
    path.starts_with('/').then_some(path)
}
