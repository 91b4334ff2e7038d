//! Decides which machines can reach the server during development, and whether it needs a password.
//!
//! A server that other machines can reach is never open by accident. If no sign-in is configured,
//! mcpo generates a password, unless the user explicitly asked for an open server.

use mcpo_common::{
    error::{Failure, Outcome},
    project::Environment,
};

use super::ExposeArgs;
use crate::dev::local_access::{has_local_base, is_loopback};

/// The variable that allows the runtime to serve other machines without a sign-in.
pub const OPEN_TO_ANYONE: &str = "MCPO_OPEN_TO_ANYONE";

/// Which machines can reach the server, and how it is protected from them.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact that the welcome text reports"
)]
pub struct Exposure {
    /// Other machines can reach the server, and no sign-in is configured.
    pub needs_password: bool,
    /// Other machines can reach the server, and it stays open because the user asked for that.
    pub is_open: bool,
    /// The user asked for an open server with the variable.
    pub is_open_by_variable: bool,
    /// Other machines are served.
    pub serves_other_machines: bool,
    /// Other machines get 403, because the base URL names this machine.
    pub refuses_other_machines: bool,
    /// This machine gets 403 too, because it connects from an address that is not a loopback
    /// address.
    pub is_this_machine_refused: bool,
    /// The command to type so that other machines are served.
    pub with_https: String,
    /// The setting to change so that other machines are served, if `--https` is already used.
    pub with_base_url: String,
}

impl Exposure {
    /// Evaluates the command line and the environment of the server. Fails if `--open-to-anyone` is
    /// given but only this machine can reach the server.
    pub fn of(args: &ExposeArgs, environment: &Environment) -> Outcome<Self> {
        let is_bound_to_loopback = is_loopback(args.host);
        let has_local_base = has_local_base(environment);
        let is_exposed = !is_bound_to_loopback || !has_local_base;
        if args.open_to_anyone && !is_exposed {
            let what =
                "--open-to-anyone has no effect, because only this machine can reach the server";
            return Err(Failure::new(what).hint("leave it out, or add --tunnel or --host"));
        }
        let is_unprotected = is_exposed && environment.sign_in().is_none();
        let by_variable = environment.get(OPEN_TO_ANYONE).as_deref() == Some("1");
        let is_open = is_unprotected && (args.open_to_anyone || by_variable);
        let port = match args.port {
            8080 => String::new(),
            port => format!(" --port {port}"),
        };
        Ok(Self {
            needs_password: is_unprotected && !is_open,
            is_open,
            is_open_by_variable: is_open && !args.open_to_anyone,
            serves_other_machines: !has_local_base,
            refuses_other_machines: !is_bound_to_loopback && has_local_base,
            is_this_machine_refused: !args.host.is_unspecified(),
            with_https: format!(
                "mcpo dev --host {}{port} --https, or mcpo dev --tunnel",
                args.host
            ),
            with_base_url: "BASE_URL=https://ADDRESS:PORT in .env, with an address that other \
                            machines reach"
                .to_owned(),
        })
    }
}
