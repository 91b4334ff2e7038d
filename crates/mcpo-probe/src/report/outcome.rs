//! What a client would show after a probe.

use crate::{
    check::{Check, Verdict},
    profile::Profile,
    rules::{self, Rule},
};

impl Profile {
    /// Returns what the user of the client would see. The first failed check decides.
    pub fn outcome(&self, checks: &[Check]) -> String {
        // Clients skip lines on stdout that are no messages.
        let is_decisive =
            |rule: &Rule| rule.is_about_clients() && rule.id != rules::STDIO_OUTPUT.id;
        let failed = |check: &&Check| check.verdict == Verdict::Fail && is_decisive(check.rule);
        let unknown = |check: &&Check| {
            matches!(check.verdict, Verdict::CouldNotRun { .. }) && is_decisive(check.rule)
        };
        let shown = if let Some(check) = checks.iter().find(failed) {
            let is_local = checks
                .iter()
                .any(|check| check.rule.id == rules::STDIO_START.id);
            format!("shows {}", self.shown(check.rule, is_local))
        } else if let Some(check) = checks.iter().find(unknown) {
            let first = [&rules::CHALLENGE, &rules::ADDRESS, &rules::STDIO_START];
            if first.iter().any(|first| first.id == check.rule.id) {
                format!("shows {}", self.shows.unreachable)
            } else {
                format!(
                    "no problem before {}; the later steps are unknown",
                    check.rule.title
                )
            }
        } else {
            self.success(checks)
        };
        format!("{}: {shown}", self.title)
    }

    /// Returns what the user sees if nothing failed.
    fn success(&self, checks: &[Check]) -> String {
        let has = |rule: &Rule, verdict: Verdict| {
            let mut all = checks.iter();
            all.any(|check| check.rule.id == rule.id && check.verdict == verdict)
        };
        if has(&rules::TOOLS_CALL, Verdict::Pass) {
            "connects and can call tools".to_owned()
        } else if has(&rules::TOOLS_LIST, Verdict::Warn) {
            format!("shows {}", self.shows.tools)
        } else {
            "connects and finds the tools, but none was called".to_owned()
        }
    }

    fn shown(&self, rule: &Rule, is_local: bool) -> &str {
        let shows = &self.shows;
        match rule.id {
            "address" | "cold" | "stdio-start" => &shows.unreachable,
            "registration" => &shows.registration,
            "authorization" => &shows.sign_in,
            "state" | "callback-issuer" | "token" | "token-caching" => &shows.token,
            // Without a sign-in, the client shows the same as for a server without an answer.
            "discover" | "initialize" if is_local => &shows.unreachable,
            "discover" | "initialize" | "versions" | "both-forms" => &shows.connect,
            "tools-list" => &shows.tools,
            "tools-call" | "step-up" | "resources" | "prompts" => &shows.call,
            "refresh" | "invalid-token" | "invalid-refresh" | "reauthorization"
            | "concurrent-refresh" | "restart" | "kept-access" | "kept-refresh"
            | "restart-access" | "restart-refresh" | "restart-client" => &shows.refresh,
            "browser-access" => &shows.browser,
            _ => &shows.before_sign_in,
        }
    }
}
