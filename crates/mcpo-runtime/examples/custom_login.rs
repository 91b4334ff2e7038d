//! A custom sign-in: each user has a code word.
//!
//! ```text
//! export MCPO_SECRET=$(openssl rand 32 | basenc --base64url | tr -d =)
//! CODE_WORDS='ada=tangerine bob=elderberry' cargo run --example custom_login
//! ```
//!
//! Add `http://localhost:8080/mcp` to an MCP client. The sign-in page asks for the code word. With
//! "tangerine", the tool answers "You are ada".

use std::{env, error::Error, process::ExitCode};

use mcpo_runtime::{
    Caller,
    login::{Field, Identity, Login, LoginContext, LoginFuture, LoginInput, Outcome, Page},
};
use rmcp::{tool, tool_router};
use subtle::ConstantTimeEq as _;

#[derive(Debug)]
struct CodeWords(String);

fn ask() -> Page {
    Page::new("Sign in").with_field(Field::password("word", "Your code word"))
}

impl Login for CodeWords {
    fn name(&self) -> &'static str {
        "code words"
    }

    // Signs all users out when the list changes.
    fn basis(&self) -> String {
        self.0.clone()
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Page(ask()) })
    }

    fn resume<'a>(
        &'a self,
        _context: &'a LoginContext,
        input: &'a LoginInput,
    ) -> LoginFuture<'a, Outcome> {
        let word = input.get("word").unwrap_or_default().as_bytes();
        let mut users = self.0.split(' ').filter_map(|user| user.split_once('='));
        // The runtime limits the number of attempts.
        let user = users.find(|(_, known)| known.as_bytes().ct_eq(word).into());
        let outcome = match user {
            Some((name, _)) => Outcome::Identity(Identity::new(name)),
            None => Outcome::Page(ask().with_problem("Wrong code word.")),
        };
        Box::pin(async { outcome })
    }
}

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
        format!("You are {}", caller.subject())
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let login = CodeWords(env::var("CODE_WORDS")?);
    Ok(mcpo_runtime::serve_with(Hello, |config| {
        config.with_login(login)
    }))
}
