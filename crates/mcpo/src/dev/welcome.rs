//! What `mcpo dev` says first: where the server answers and who may use it.

use std::net::TcpListener;

use crate::package::Package;
use crate::{project::Environment, ui::Ui};

/// Prints the addresses and the sign-in mode.
pub fn print(ui: &Ui, package: &Package, listener: &TcpListener, environment: &Environment) {
    let local = local(listener);
    ui.step("Serving", format_args!("{} at {local}", package.executable));
    match environment.get("BASE_URL") {
        Some(base) => ui.step(
            "Connector",
            format_args!("{}/mcp", base.trim_end_matches('/')),
        ),
        None => ui.step(
            "Connector",
            format_args!(
                "{local} on this machine; claude.ai needs a public BASE_URL, see README.md"
            ),
        ),
    }
    ui.step(
        "Sign-in",
        if environment.get("ADMIN_PASSWORD").is_some() {
            "with ADMIN_PASSWORD"
        } else {
            "nobody is asked; set ADMIN_PASSWORD in .env to change that"
        },
    );
}

/// The URL to type into a client: the public one, where there is one.
pub fn connector(listener: &TcpListener, environment: &Environment) -> String {
    match environment.get("BASE_URL") {
        Some(base) => format!("{}/mcp", base.trim_end_matches('/')),
        None => local(listener),
    }
}

fn local(listener: &TcpListener) -> String {
    match listener.local_addr() {
        Ok(address) if address.ip().is_loopback() || address.ip().is_unspecified() => {
            format!("http://localhost:{}/mcp", address.port())
        }
        Ok(address) => format!("http://{address}/mcp"),
        // A socket that listens has an address.
        Err(error) => error.to_string(),
    }
}
