use std::sync::{Mutex, PoisonError};

use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;

use super::Served;

/// The server. All calls share it, and several calls may run at the same time.
#[derive(Default)]
struct Server {
    notes: Mutex<Vec<String>>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct NewNote {
    /// The text of the note.
    text: String,
}

#[tool_router(server_handler)]
impl Server {
    /// Store a note.
    #[tool]
    fn add_note(&self, Parameters(note): Parameters<NewNote>) -> String {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note.text);
        format!("There are {} notes now.", notes.len())
    }
}

#[tokio::test]
async fn cookbook_state_is_shared_by_all_calls() {
    let served = Served::start(Server::default()).await;
    for expected in ["There are 1 notes now.", "There are 2 notes now."] {
        let text = served.text("add_note", &json!({ "text": "milk" })).await;
        assert_eq!(text, expected);
    }
}
