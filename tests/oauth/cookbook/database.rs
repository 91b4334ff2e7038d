use std::{
    error::Error,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo_runtime::Caller;
use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};
use rusqlite::Connection;
use serde_json::json;

use super::Served;

/// The database. One connection is enough: the file has one writer at a time.
#[derive(Clone)]
struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Creates the folder, the file and the table, unless they exist.
    fn open(folder: &str) -> Result<Self, Box<dyn Error>> {
        std::fs::create_dir_all(folder)?;
        let connection = Connection::open(Path::new(folder).join("notes.sqlite3"))?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS notes (owner TEXT NOT NULL, text TEXT NOT NULL)",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs a query on a thread for blocking work, so that it does not hold up other calls.
    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let connection = Arc::clone(&self.0);
        let query = move || query(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(query).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(format!("the database failed: {error}")),
            Err(_) => Err("the query was interrupted".into()),
        }
    }
}

struct Server {
    database: Database,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct NewNote {
    /// The text of the note.
    text: String,
}

/// The notes of one user.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Notes {
    notes: Vec<String>,
}

#[tool_router(server_handler)]
impl Server {
    /// Store a note of the caller.
    #[tool]
    async fn add_note(
        &self,
        caller: Caller,
        Parameters(note): Parameters<NewNote>,
    ) -> Result<String, String> {
        let row = (caller.subject().to_owned(), note.text);
        let insert = |connection: &Connection| {
            connection.execute("INSERT INTO notes (owner, text) VALUES (?1, ?2)", row)
        };
        self.database.run(insert).await?;
        Ok("Stored.".into())
    }

    /// List the notes of the caller.
    #[tool]
    async fn list_notes(&self, caller: Caller) -> Result<Json<Notes>, String> {
        let owner = caller.subject().to_owned();
        let select = |connection: &Connection| {
            let mut rows = connection.prepare("SELECT text FROM notes WHERE owner = ?1")?;
            rows.query_map([owner], |row| row.get(0))?.collect()
        };
        let notes = self.database.run(select).await?;
        Ok(Json(Notes { notes }))
    }
}

#[expect(
    dead_code,
    clippy::print_stderr,
    reason = "the end of a server's main.rs"
)]
fn main() -> ExitCode {
    let folder = std::env::var("MCPO_STATE_DIR").unwrap_or_else(|_| ".mcpo".into());
    match Database::open(&folder) {
        Ok(database) => mcpo_runtime::serve(Server { database }),
        Err(error) => {
            eprintln!("error: cannot open the database in {folder}: {error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::test]
async fn cookbook_database_keeps_the_notes_of_each_caller() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("state");
    let database = Database::open(missing.to_str().unwrap()).unwrap();
    let other = |connection: &Connection| {
        connection.execute("INSERT INTO notes VALUES ('another user', 'secret')", ())
    };
    database.run(other).await.unwrap();
    let served = Served::start(Server { database }).await;
    let text = served.text("add_note", &json!({ "text": "milk" })).await;
    assert_eq!(text, "Stored.");
    let result = served.call("list_notes", &json!({})).await;
    assert_eq!(result["structuredContent"], json!({ "notes": ["milk"] }));
}
