//! Tools are plain functions: call them.

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
    assert_eq!(Server.whoami(Caller::local("ada")), "You are ada.");
}
