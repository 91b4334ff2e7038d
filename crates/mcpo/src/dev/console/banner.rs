//! The first output of `mcpo dev`: the address of the server, and who may use it.

use mcpo_common::{package::Package, project::Environment, ui::Ui};
use serde_json::json;

use super::reporter::Reporter;
use crate::dev::expose::Entrypoint;

/// Shown if no sign-in is configured.
const WITHOUT_SIGN_IN: &str = "not required; set ADMIN_PASSWORD in .env to require a password";

/// Prints the addresses, the sign-in mode, and the steps that the user must take.
pub fn print(
    reporter: &mut Reporter<'_>,
    package: &Package,
    entrypoint: &Entrypoint,
    environment: &Environment,
) {
    let ui = reporter.ui();
    let (local, connector) = (&entrypoint.local, connector(&entrypoint.local, environment));
    ui.step("Serving", format_args!("{} at {local}", package.executable));
    if connector == *local {
        let from_where = if entrypoint.exposure.serves_other_machines {
            "in this network"
        } else {
            "on this machine"
        };
        ui.step(
            "Connector",
            format_args!("{local} {from_where}; claude.ai needs a public address: --tunnel"),
        );
    } else {
        ui.step("Connector", &connector);
    }
    let sign_in = environment.sign_in();
    let is_asked = sign_in.is_some();
    ui.step("Sign-in", sign_in.unwrap_or(WITHOUT_SIGN_IN));
    if let Some(password) = &entrypoint.password {
        ui.step(
            "Password",
            format_args!("{password}   (generated; set ADMIN_PASSWORD in .env to choose another)"),
        );
    }
    warn(ui, entrypoint, is_asked);
    if let Some((_, file)) = &entrypoint.certificate {
        trust(ui, file);
    }
    if entrypoint.tunnel.is_some() {
        steps(ui);
    }
    reporter.json(|| {
        json!({
            "event": "serving", "schema": 1, "url": local, "connector": connector,
            "asks_for_sign_in": is_asked,
            "certificate": entrypoint.certificate.as_ref().map(|(_, file)| file),
        })
    });
}

/// Prints warnings about what other machines can or cannot do.
fn warn(ui: &Ui, entrypoint: &Entrypoint, is_asked: bool) {
    let exposure = &entrypoint.exposure;
    if exposure.is_open && !is_asked {
        if entrypoint.tunnel.is_some() {
            ui.warn("ANYONE on the internet who learns the address can call these tools");
        } else {
            ui.warn(
                "every machine that reaches this address can call these tools without signing in",
            );
        }
        if exposure.is_open_by_variable {
            ui.warn("no password was generated, because MCPO_OPEN_TO_ANYONE=1 is set");
        }
    }
    if exposure.refuses_other_machines {
        let who = if exposure.is_this_machine_refused {
            "every request to this address gets"
        } else {
            "requests from other machines get"
        };
        let (why, help) = if entrypoint.certificate.is_some() {
            ("BASE_URL names this machine", &exposure.with_base_url)
        } else {
            (
                "OAuth requires https for other machines",
                &exposure.with_https,
            )
        };
        ui.warn(format_args!("{who} 403: {why}; use: {help}"));
    }
}

/// Prints how to trust the certificate.
fn trust(ui: &Ui, file: &str) {
    ui.step("TLS", format_args!("certificate {file}; to trust it:"));
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

/// Prints the steps to add the connector in claude.ai.
fn steps(ui: &Ui) {
    ui.say("\nAdd it to claude.ai:");
    ui.say("  1. Settings → Connectors → Add custom connector");
    ui.say(
        "  2. Enter any name and the connector's URL from above (the /mcp at the end matters), Add",
    );
    ui.say("  3. Connect, sign in, and allow access");
    ui.say("  4. In a chat, turn the connector on and ask for one of its tools\n");
}

/// Returns the URL to type into a client: the public one, if there is one.
pub fn connector(local: &str, environment: &Environment) -> String {
    match environment.get("BASE_URL") {
        Some(base) => format!("{}/mcp", base.trim_end_matches('/')),
        None => local.to_owned(),
    }
}
