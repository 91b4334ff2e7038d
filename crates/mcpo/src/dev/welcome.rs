//! What `mcpo dev` says first: where the server answers and who may use it.

use serde_json::json;

use super::{desk::Desk, reach::Reach};
use crate::{package::Package, project::Environment, ui::Ui};

/// Prints the addresses and the sign-in mode, and what is left to a person.
pub fn print(ui: &Ui, desk: &Desk, package: &Package, reach: &Reach, environment: &Environment) {
    let (local, connector) = (&reach.local, connector(&reach.local, environment));
    ui.step("Serving", format_args!("{} at {local}", package.executable));
    if connector == *local {
        ui.step(
            "Connector",
            format_args!("{local} on this machine; claude.ai needs a public address: --tunnel"),
        );
    } else {
        ui.step("Connector", &connector);
    }
    let sign_in = environment.sign_in();
    let is_asked = sign_in.is_some();
    let sign_in = sign_in.unwrap_or("nobody is asked; set ADMIN_PASSWORD in .env to change that");
    ui.step("Sign-in", sign_in);
    if reach.tunnel.is_some() && !is_asked {
        ui.warn("ANYONE on the internet who learns the address can call these tools");
    }
    if let Some(password) = &reach.password {
        ui.step(
            "Password",
            format_args!("{password}   (for the tunnel; ADMIN_PASSWORD in .env takes its place)"),
        );
    }
    if reach.is_open_in_plain && connector == *local {
        ui.warn(
            "other machines reach this address and are refused: OAuth needs https off this machine; \
             add --https or --tunnel",
        );
    }
    if let Some((_, file)) = &reach.certificate {
        trust(ui, file);
    }
    if reach.tunnel.is_some() {
        steps(ui);
    }
    desk.event(ui, || {
        json!({
            "event": "serving", "schema": 1, "url": local, "connector": connector,
            "asks_for_sign_in": is_asked,
            "certificate": reach.certificate.as_ref().map(|(_, file)| file),
        })
    });
}

/// How whoever connects is to trust the certificate.
fn trust(ui: &Ui, file: &str) {
    ui.step("TLS", format_args!("by {file}; to let it be trusted:"));
    let system = if cfg!(target_os = "macos") {
        format!("security add-trusted-cert -p ssl {file}")
    } else {
        format!(
            "sudo cp {file} /usr/local/share/ca-certificates/mcpo-dev.crt && sudo update-ca-certificates"
        )
    };
    ui.say(format_args!("           this machine: {system}"));
    ui.say(format_args!(
        "           Node.js:      NODE_EXTRA_CA_CERTS={file}"
    ));
    ui.say(format_args!(
        "           the probe:    mcpo probe --ca {file} URL"
    ));
}

/// The way into claude.ai.
fn steps(ui: &Ui) {
    ui.say("\nPut it into claude.ai:");
    ui.say("  1. Settings → Connectors → Add custom connector");
    ui.say("  2. Any name, the connector's URL from above (the /mcp at the end matters), Add");
    ui.say("  3. Connect, sign in, allow");
    ui.say("  4. In a chat, turn the connector on and ask for one of its tools\n");
}

/// The URL to type into a client: the public one, where there is one.
pub fn connector(local: &str, environment: &Environment) -> String {
    match environment.get("BASE_URL") {
        Some(base) => format!("{}/mcp", base.trim_end_matches('/')),
        None => local.to_owned(),
    }
}
