//! Tools are plain methods, so tests call them directly.

use rmcp::ServerHandler as _;

use super::*;

#[test]
fn greets_by_name() {
    let greeting = Greeting {
        name: "Ada".to_owned(),
    };

    assert_eq!(Server.greet(Parameters(greeting)), "Hello, Ada!");
}

#[test]
fn knows_the_caller() {
    let Json(user) = Server.whoami(Caller::local("ada"));

    assert_eq!(user.id, "ada");
}

#[test]
fn introduces_itself() {
    let server = Server;
    let info = server.get_info();
    assert!(info.instructions.is_some());
    assert!(info.server_info.title.is_some());
    assert!(info.server_info.icons.is_some());
}
