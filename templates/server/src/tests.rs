//! Tools are plain methods, so tests call them directly.

use rmcp::ServerHandler as _;

use super::*;

#[test]
fn greets_by_name() {
    let greeting = Greeting {
        name: "Ada".to_owned(),
    };

    let text = Server::default().greet(Parameters(greeting));

    assert_eq!(text, "Hello, Ada!");
}

#[test]
fn knows_the_caller() {
    let Json(user) = Server::default().whoami(Caller::local("ada"));

    assert_eq!(user.id, "ada");
}

#[test]
fn introduces_itself() {
    let server = Server::default();
    let info = server.get_info();
    assert!(info.instructions.is_some());
    assert!(info.server_info.title.is_some());
    assert!(info.server_info.icons.is_some());
}
