//! What a person at the keyboard asks for, and what is shown to them: shared by the actors, which
//! all run on one thread.

use std::cell::{Cell, RefCell};

use tokio::sync::Notify;

use super::tools::Tools;

/// The desk between the keyboard and the actors.
#[derive(Debug, Default)]
pub struct Desk {
    /// Whether servers are to tell of each request.
    pub tells_requests: Cell<bool>,
    /// What the server that answers has said it has.
    pub tools: RefCell<Option<Tools>>,
    /// Somebody wants the server walked now.
    pub walk: Notify,
}
