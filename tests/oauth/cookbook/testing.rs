use mcpo_runtime::Caller;
use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};

#[derive(Default)]
struct Server {}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greeting {
    /// The name of the person to greet.
    name: String,
}

/// The user of a call.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct User {
    id: String,
}

#[tool_router(server_handler)]
impl Server {
    /// Greet a person by name.
    #[tool]
    fn greet(&self, Parameters(greeting): Parameters<Greeting>) -> Result<String, String> {
        if greeting.name.is_empty() {
            return Err("the name is empty".into());
        }
        Ok(format!("Hello, {}!", greeting.name))
    }

    /// Say who is signed in.
    #[tool]
    fn whoami(&self, caller: Caller) -> Json<User> {
        let id = caller.subject().to_owned();
        Json(User { id })
    }
}

fn greeting(name: &str) -> Parameters<Greeting> {
    Parameters(Greeting {
        name: name.to_owned(),
    })
}

#[test]
fn greets_by_name() {
    let server = Server::default();
    assert_eq!(server.greet(greeting("Ada")).unwrap(), "Hello, Ada!");
}

#[test]
fn an_empty_name_is_an_error() {
    let error = Server::default().greet(greeting("")).unwrap_err();
    assert!(error.contains("empty"), "{error}");
}

#[test]
fn knows_the_caller() {
    let Json(user) = Server::default().whoami(Caller::local("ada"));
    assert_eq!(user.id, "ada");
}
