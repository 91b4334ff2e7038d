//! The values that flow between the actors.
//!
//! Every actor sends [`event::Event`]s to the session, which sends [`command::Command`]s to the
//! actors. No actor knows another one. This module knows no actor.

pub mod change;
pub mod command;
pub mod event;
pub mod inputs;
pub mod request_event;
pub mod self_test;
pub mod server_report;
pub mod tool_call;
pub mod tool_request;
pub mod tools;
