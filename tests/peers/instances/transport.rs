//! Sends one request on a new connection, from any address of this machine.

use std::net::{Ipv4Addr, SocketAddr};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

/// Why there is no response.
#[derive(Debug)]
pub enum SendError {
    /// The request was not sent, because the instance is unreachable.
    NotSent,
    /// The request may have been carried out.
    InFlight,
}

/// Sends `request` and waits for the whole response.
pub async fn send(
    from: Ipv4Addr,
    to: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, SendError> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket option");
    socket.set_nodelay(true).expect("a socket option");
    socket
        .bind(SocketAddr::from((from, 0)))
        .expect("a loopback address");
    let stream = socket.connect(to).await.map_err(|_| SendError::NotSent)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| SendError::NotSent)?;
    let connection = tokio::spawn(connection);
    let answer = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::from_parts(parts, body))
    };
    let answer = answer.await.map_err(|_| SendError::InFlight);
    connection.abort();
    answer
}
