//! A server as the steps of a probe use it, over any transport.

use std::time::Duration;

use mcpo_common::secret::Secret;

use super::rpc::{Call, RpcResponse, WireFormat};
use crate::{
    check::{Log, Step},
    http::RequestError,
    stdio::StdioError,
};

/// A server that answers MCP requests.
pub trait McpServer {
    /// Sends `call`. Authorizes first if the server requires that.
    async fn call(
        &mut self,
        log: &mut Log<'_>,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Step<Result<RpcResponse, TransportError>>;

    /// Sends `call` as the first request of a client that has just connected.
    async fn call_first(
        &mut self,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Result<RpcResponse, TransportError>;

    /// Ends the session of `wire_format`, if it has one.
    async fn leave(&mut self, wire_format: &WireFormat);

    /// Returns the time limit for one response.
    fn timeout(&self) -> Duration;

    /// Returns the secrets of the client, which the server may repeat.
    fn secrets(&self) -> Vec<Secret>;

    /// Returns the connection in a few words.
    fn connection(&self, wire_format: &WireFormat) -> &'static str;

    /// Returns the fix if something in front of the server refuses a request.
    fn forbidden_hint(&self) -> String;
}

/// Why a call got no usable response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error(transparent)]
    Http(#[from] RequestError),
    #[error(transparent)]
    Stdio(#[from] StdioError),
}

impl TransportError {
    /// Returns what the owner of the server can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Http(error) => error.hint().to_owned(),
            Self::Stdio(error) => error.hint(),
        }
    }
}
