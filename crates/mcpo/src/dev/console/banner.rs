//! The first output of `mcpo dev`: the address that the server will have, and what the user must
//! know before it starts.

use mcpo_common::{package::Package, project::Environment, ui::Ui};
use serde_json::json;

use super::{reporter::Reporter, welcome::Welcome};
use crate::dev::expose::Entrypoint;

/// Prints the address and the warnings. The rest is printed when the first server is ready.
pub fn print(
    reporter: &mut Reporter<'_>,
    package: &Package,
    entrypoint: &Entrypoint,
    environment: &Environment,
) {
    let ui = reporter.ui();
    let (local, connector) = (&entrypoint.local, connector(&entrypoint.local, environment));
    let is_asked = environment.sign_in().is_some();
    ui.step(
        "Starting",
        format_args!("{} at {local}", package.executable),
    );
    warn(ui, entrypoint, is_asked);
    if let Some((_, file)) = &entrypoint.certificate {
        trust(ui, file);
    }
    let audience = if entrypoint.exposure.serves_other_machines {
        "in this network; claude.ai needs a public address: --tunnel"
    } else {
        "on this machine; claude.ai needs a public address: --tunnel"
    };
    reporter.json(|| {
        json!({
            "event": "serving", "schema": 1, "url": local, "connector": connector,
            "asks_for_sign_in": is_asked,
            "certificate": entrypoint.certificate.as_ref().map(|(_, file)| file),
        })
    });
    reporter.set_welcome(Welcome {
        name: package.executable.clone(),
        audience: (connector == *local).then_some(audience),
        connector,
        password: entrypoint.password.clone(),
        is_tunnelled: entrypoint.tunnel.is_some(),
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

/// Returns the URL to type into a client: the public one, if there is one.
fn connector(local: &str, environment: &Environment) -> String {
    match environment.get("BASE_URL") {
        Some(base) => format!("{}/mcp", base.trim_end_matches('/')),
        None => local.to_owned(),
    }
}
