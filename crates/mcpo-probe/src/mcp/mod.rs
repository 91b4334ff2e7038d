//! MCP over HTTP and stdio, in both wire formats.

mod rpc;
pub use rpc::{Call, WireFormat, call, prepare};

mod reply;
pub use reply::{Reply, Unauthorized};

mod server;
pub use server::McpServer;

mod client;
pub use client::McpClient;

mod stdio_client;
mod stdio_connection;
pub use stdio_client::StdioClient;

mod resume;

mod card;
mod handshake;
pub use handshake::{NegotiatedVersion, handshake};

mod tools;
pub use tools::{call_one, compare, list};

mod pages;

mod offers;
mod templates;
pub use offers::{prompts, resources};

mod versions;
pub use versions::negotiate;

mod arguments;
pub use arguments::{mirrored, named};

mod challenge_check;
mod endpoint_search;
mod fixed_token;
mod no_endpoint;
mod open_check;
mod unauthenticated_request;
pub use unauthenticated_request::{AuthRequirement, unauthenticated_request};
