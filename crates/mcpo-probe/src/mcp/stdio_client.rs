//! A local server, as a client that starts it uses it.
//!
//! The two forms of the protocol do not share a process if the server supports both: a client uses
//! one of them.

use std::{rc::Rc, time::Duration};

use mcpo_common::secret::Secret;
use serde_json::json;

use super::{
    handshake::initialize_call,
    reply::Reply,
    rpc::{Call, RpcResponse, WireFormat},
    server::{McpServer, TransportError},
    stdio_connection::{Noise, StdioConnection},
};
use crate::{
    check::{Log, Step, Stop},
    http::Recorder,
    stdio::{Ending, ServerCommand, StdioError},
};

/// How long a server may stay silent before the client tries `initialize`: servers from before
/// 2026-07-28 may ignore requests that they do not know (MCP 2026-07-28 basic/transports/stdio,
/// Backward Compatibility).
const SILENCE: Duration = Duration::from_secs(5);

/// The processes of a local server.
pub struct StdioClient<'p> {
    command: &'p ServerCommand,
    timeout: Duration,
    recorder: Rc<Recorder>,
    /// The process that gets requests without sessions.
    stateless: Option<StdioConnection>,
    /// The process that gets `initialize`.
    session: Option<StdioConnection>,
    /// Responses to the first requests, until the steps of the probe ask for them.
    first: Vec<(&'static str, Reply)>,
    /// Whether a process has ended too early. Later requests would only repeat that.
    has_ended: bool,
    noise: Noise,
}

impl<'p> StdioClient<'p> {
    /// How long a server may take to end after its stdin has closed. The SDKs wait for 2 s; a busy
    /// machine may be slower.
    pub const CLOSING: Duration = Duration::from_secs(10);

    /// Starts the server and waits for its first response.
    pub async fn start(
        command: &'p ServerCommand,
        timeout: Duration,
        recorder: Rc<Recorder>,
    ) -> Result<Self, StdioError> {
        command.remember_secrets(&recorder.secrets);
        let mut client = Self {
            command,
            timeout,
            recorder,
            stateless: None,
            session: None,
            first: Vec::new(),
            has_ended: false,
            noise: None,
        };
        client.open().await?;
        Ok(client)
    }

    /// Begins with `server/discover`, and falls back to `initialize`.
    async fn open(&mut self) -> Result<(), StdioError> {
        let mut connection = self.connect()?;
        let discover = Call::new("server/discover", json!({}));
        let asked = connection.send(&WireFormat::Stateless, &discover).await?;
        let limit = SILENCE.min(self.timeout);
        match connection.wait(&[asked], limit, &mut self.noise).await {
            Ok((_, reply)) => {
                let is_supported = matches!(reply, Reply::Result(_));
                self.first.push((discover.method, reply));
                *self.place(is_supported) = Some(connection);
                Ok(())
            }
            Err(StdioError::TimedOut { .. }) => self.after_silence(connection, asked).await,
            Err(error @ StdioError::Ended { .. }) => self.after_end(&error).await,
            Err(error) => Err(error),
        }
    }

    /// Sends `initialize` to a server that ignores `server/discover`, or that starts slowly.
    async fn after_silence(
        &mut self,
        mut connection: StdioConnection,
        asked: u64,
    ) -> Result<(), StdioError> {
        let opened = connection
            .send(&WireFormat::Opening, &initialize_call())
            .await?;
        let (id, reply) = connection
            .wait(&[asked, opened], self.timeout, &mut self.noise)
            .await?;
        if id == opened {
            let seconds = SILENCE.min(self.timeout).as_secs_f64();
            let silent = Reply::Unanswered(format!("no answer within {seconds:.1} s"));
            self.first.push(("server/discover", silent));
            self.first.push(("initialize", reply));
            self.session = Some(connection);
            return Ok(());
        }
        let is_supported = matches!(reply, Reply::Result(_));
        self.first.push(("server/discover", reply));
        if is_supported {
            // This process got requests of both forms. A new one gets only one of them.
            self.stateless = Some(self.connect()?);
        } else {
            let (_, reply) = connection
                .wait(&[opened], self.timeout, &mut self.noise)
                .await?;
            self.first.push(("initialize", reply));
            self.session = Some(connection);
        }
        Ok(())
    }

    /// Starts the server again, for a client that begins with `initialize`.
    async fn after_end(&mut self, error: &StdioError) -> Result<(), StdioError> {
        let mut connection = self.connect()?;
        let opened = connection
            .send(&WireFormat::Opening, &initialize_call())
            .await?;
        let (_, reply) = connection
            .wait(&[opened], self.timeout, &mut self.noise)
            .await?;
        let ended = Reply::Unanswered(error.to_string());
        self.first.push(("server/discover", ended));
        self.first.push(("initialize", reply));
        self.session = Some(connection);
        Ok(())
    }

    fn connect(&self) -> Result<StdioConnection, StdioError> {
        StdioConnection::start(self.command, &self.recorder)
    }

    fn place(&mut self, is_stateless: bool) -> &mut Option<StdioConnection> {
        if is_stateless {
            &mut self.stateless
        } else {
            &mut self.session
        }
    }

    /// Returns the first line on stdout that is no message.
    pub fn noise(&self) -> Option<&str> {
        self.noise.as_deref()
    }

    /// Closes the streams of all processes. Returns how the worst of them ended, or `None` if one
    /// has ended before.
    pub async fn close(&mut self) -> Option<Ending> {
        let (mut of_stateless, mut of_session) = (None, None);
        let endings = tokio::join!(
            close(self.stateless.take(), &mut of_stateless),
            close(self.session.take(), &mut of_session),
        );
        for noise in [of_stateless, of_session].into_iter().flatten() {
            self.noise.get_or_insert(noise);
        }
        let endings = [endings.0, endings.1].into_iter().flatten();
        let worst = endings.max_by_key(|ending| *ending == Ending::Killed);
        worst.filter(|_| !self.has_ended)
    }

    async fn send(&mut self, wire_format: &WireFormat, call: &Call) -> Result<Reply, StdioError> {
        if let Some(at) = self
            .first
            .iter()
            .position(|(method, _)| *method == call.method)
        {
            return Ok(self.first.remove(at).1);
        }
        let timeout = self.timeout;
        let is_stateless = is_stateless(wire_format);
        let mut connection = match self.place(is_stateless).take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let reply = connection
            .call(wire_format, call, timeout, &mut self.noise)
            .await;
        *self.place(is_stateless) = Some(connection);
        reply
    }
}

impl McpServer for StdioClient<'_> {
    fn secrets(&self) -> Vec<Secret> {
        self.command.secrets()
    }

    async fn call(
        &mut self,
        _: &mut Log<'_>,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Step<Result<RpcResponse, TransportError>> {
        if self.has_ended {
            return Err(Stop);
        }
        let reply = self.send(wire_format, call).await;
        self.has_ended = matches!(reply, Err(StdioError::Ended { .. }));
        Ok(reply.map(without_session).map_err(TransportError::from))
    }

    async fn call_first(
        &mut self,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Result<RpcResponse, TransportError> {
        let mut connection = self.connect()?;
        let reply = connection
            .call(wire_format, call, self.timeout, &mut self.noise)
            .await?;
        connection.close(Self::CLOSING, &mut self.noise).await;
        Ok(without_session(reply))
    }

    async fn leave(&mut self, _: &WireFormat) {}

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn connection(&self, _: &WireFormat) -> &'static str {
        "over stdio"
    }

    fn forbidden_hint(&self) -> String {
        String::new()
    }
}

async fn close(connection: Option<StdioConnection>, noise: &mut Noise) -> Option<Ending> {
    let mut connection = connection?;
    Some(connection.close(StdioClient::CLOSING, noise).await)
}

const fn is_stateless(wire_format: &WireFormat) -> bool {
    matches!(wire_format, WireFormat::Stateless | WireFormat::Coming)
}

const fn without_session(reply: Reply) -> RpcResponse {
    RpcResponse {
        reply,
        session: None,
    }
}
