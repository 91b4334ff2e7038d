//! What `mcpo dev` says first: where the server answers and who may use it.

use std::net::TcpListener;

use crate::package::Package;
use crate::{project::Environment, ui::Ui};

/// Prints the addresses and the sign-in mode.
pub fn print(ui: &Ui, package: &Package, listener: &TcpListener, environment: &Environment) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let local = if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("http://localhost:{}/mcp", address.port())
    } else {
        format!("http://{address}/mcp")
    };
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
    if ui.is_terminal() {
        ui.step("Stop", "with Ctrl-C");
    }
}
