//! A minimal kept-alive HTTP/1.1 connection, so that the client uses little CPU.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

/// A request with its whole body.
pub type Outgoing = Request<Full<Bytes>>;

/// A connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects to a port on loopback from the loopback address `source`.
    pub async fn open(port: u16, source: Ipv4Addr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_nodelay(true).expect("a socket option");
        let from = SocketAddr::from((source, 0));
        socket.bind(from).expect("a loopback address");
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = socket.connect(to).await.expect("a server");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("an HTTP connection");
        tokio::spawn(connection);
        Self { sender }
    }

    /// Sends a request and waits for the whole response.
    pub async fn send(&mut self, request: Outgoing) -> Response<Bytes> {
        self.sender.ready().await.expect("an open connection");
        let answer = self.sender.send_request(request).await;
        let (parts, body) = answer.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Response::from_parts(parts, body)
    }
}
