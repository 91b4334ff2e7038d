//! What a client would show after a probe.

use crate::{
    check::{Check, Verdict},
    profile::Profile,
    rules::{self, Rule},
};

impl Profile {
    /// Returns what the user of the client would see. The first failed check decides.
    pub fn outcome(&self, checks: &[Check]) -> String {
        let failed = |check: &&Check| check.verdict == Verdict::Fail && !check.rule.security;
        let unknown = |check: &&Check| matches!(check.verdict, Verdict::CouldNotRun { .. });
        let shown = if let Some(check) = checks.iter().find(failed) {
            format!("shows {}", self.shown(check.rule))
        } else if let Some(check) = checks.iter().find(unknown) {
            if check.rule.id == rules::CHALLENGE.id || check.rule.id == rules::ADDRESS.id {
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

    fn shown(&self, rule: &Rule) -> &str {
        let shows = &self.shows;
        match rule.id {
            "address" | "cold" => &shows.unreachable,
            "registration" => &shows.registration,
            "authorization" => &shows.sign_in,
            "state" | "callback-issuer" | "token" | "token-caching" => &shows.token,
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
