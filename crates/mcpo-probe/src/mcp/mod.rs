//! MCP over HTTP, in both wire formats.

mod rpc;
pub use rpc::{Call, WireFormat, call, prepare};

mod reply;
pub use reply::{Reply, Unauthorized};

mod client;
pub use client::McpClient;

mod resume;

mod card;
mod handshake;
pub use handshake::handshake;

mod tools;
pub use tools::{call_one, compare, list};

mod pages;

mod offers;
pub use offers::{prompts, resources};

mod versions;
pub use versions::negotiate;

mod arguments;

mod challenge_check;
mod endpoint_search;
mod fixed_token;
mod no_endpoint;
mod open_check;
mod unauthenticated_request;
pub use unauthenticated_request::{AuthRequirement, unauthenticated_request};
