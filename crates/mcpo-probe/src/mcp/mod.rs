//! MCP over HTTP, in both wire forms.

mod rpc;
pub use rpc::{Call, Wire, call, prepare};

mod reply;
pub use reply::Reply;

mod peer;
pub use peer::Peer;

mod resume;

mod card;
mod greeting;
pub use greeting::greet;

mod tools;
pub use tools::{call_one, compare, list};

mod pages;

mod offers;
pub use offers::{prompts, resources};

mod versions;
pub use versions::negotiate;

mod arguments;

mod knock;
pub use knock::{Doorway, knock};
