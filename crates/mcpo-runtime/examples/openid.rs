//! Users sign in at an OpenID provider, with settings that the program chooses.
//!
//! Register a client with the redirect URI `http://localhost:8080/auth/oidc/callback` at your
//! provider. Then:
//!
//! ```text
//! export MCPO_SECRET=$(openssl rand 32 | basenc --base64url | tr -d =)
//! export PROVIDER=google CLIENT_ID=… CLIENT_SECRET=… ALLOWED_EMAIL=you@example.com
//! cargo run --example openid
//! ```
//!
//! `PROVIDER` is a known provider or the URL of an issuer. Add `http://localhost:8080/mcp` to an
//! MCP client. The consent page says that you continue at the provider. After the sign-in, the tool
//! returns your name there.
//!
//! Without code, the variables `OIDC_ISSUER`, `OIDC_CLIENT_ID` and so on do the same.

use std::{env, error::Error, process::ExitCode};

use mcpo_runtime::{Caller, login::OpenId};
use rmcp::{tool, tool_router};

struct Hello;

#[expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "rmcp defines the signature"
)]
#[tool_router(server_handler)]
impl Hello {
    /// Say who is calling.
    #[tool]
    fn whoami(&self, caller: Caller) -> String {
        format!("You are {}", caller.name())
    }
}

fn login() -> Result<OpenId, Box<dyn Error>> {
    let login = OpenId::new(&env::var("PROVIDER")?, env::var("CLIENT_ID")?)?
        .with_secret(env::var("CLIENT_SECRET")?)
        .allow_emails(&[env::var("ALLOWED_EMAIL")?])?;
    Ok(login)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let login = login()?;
    Ok(mcpo_runtime::serve_with(Hello, |config| {
        config.with_login(login)
    }))
}
