//! The verdicts about the rules, and about each store.

use mcpo_common::text::{clean, count};

use super::{
    outcome::{Evidence, StoreFinding},
    rule::{Certainty, Level, StoreRule},
};
use crate::{check::Verdict, store::Store};

/// The most violations of one rule that a report contains.
const SHOWN: usize = 20;

/// The results of all rules of the requested stores.
#[derive(Clone, Debug, Default)]
pub struct StoreReport {
    /// The requested stores, each once.
    pub stores: Vec<Store>,
    /// Every rule of these stores.
    pub rules: Vec<RuleResult>,
    /// Whether the probe got the list of tools.
    has_tools: bool,
    /// The first check of the probe that failed.
    failed: Option<&'static str>,
}

/// A rule, and whether the server follows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleResult {
    /// The rule.
    pub rule: &'static StoreRule,
    /// Whether the server follows it.
    pub outcome: RuleOutcome,
}

/// Whether a server follows a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// It does.
    Passed,
    /// It does not.
    Broken {
        /// The violations, at most 20.
        findings: Vec<StoreFinding>,
        /// The number of violations that are left out.
        more: usize,
    },
    /// The probe did not check the rule.
    NotChecked {
        /// Why not.
        because: String,
    },
}

impl RuleOutcome {
    /// Makes the server's text in `findings` safe to print.
    pub(super) fn broken(mut findings: Vec<StoreFinding>) -> Self {
        let more = findings.len().saturating_sub(SHOWN);
        findings.truncate(SHOWN);
        for finding in &mut findings {
            finding.seen = clean(&finding.seen);
            finding.tool = finding.tool.as_deref().map(clean);
        }
        Self::Broken { findings, more }
    }
}

/// The verdict about a rule for one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleVerdict {
    /// The server follows the rule.
    Pass,
    /// The rule is a recommendation, or the violation is only likely.
    Warn,
    /// The rule is required, and the violation is certain.
    Fail,
    /// The probe did not check the rule.
    CouldNotCheck,
}

impl RuleVerdict {
    /// Returns the name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::CouldNotCheck => "could-not-check",
        }
    }
}

impl RuleResult {
    /// Returns the verdict for `store`, or `None` if the store has no such rule.
    #[must_use]
    pub fn verdict(&self, store: Store) -> Option<RuleVerdict> {
        let level = *self.rule.stores.get(&store)?;
        Some(match &self.outcome {
            RuleOutcome::Passed => RuleVerdict::Pass,
            RuleOutcome::NotChecked { .. } => RuleVerdict::CouldNotCheck,
            RuleOutcome::Broken { .. } => match (level, self.rule.certainty) {
                (Level::Required, Certainty::Proven) => RuleVerdict::Fail,
                _ => RuleVerdict::Warn,
            },
        })
    }

    /// Returns the violations that the report contains, and the number of other ones.
    #[must_use]
    pub fn findings(&self) -> (&[StoreFinding], usize) {
        match &self.outcome {
            RuleOutcome::Broken { findings, more } => (findings, *more),
            RuleOutcome::Passed | RuleOutcome::NotChecked { .. } => (&[], 0),
        }
    }
}

/// Whether a server is ready for a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// No rule that the probe can check is broken.
    Ready,
    /// Required rules are broken.
    Problems(usize),
    /// A check of the probe failed.
    ProbeFailed(&'static str),
    /// The probe did not get the list of tools.
    Unknown,
}

impl Readiness {
    /// Returns the name in reports for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Problems(_) | Self::ProbeFailed(_) => "not-ready",
            Self::Unknown => "unknown",
        }
    }
}

impl StoreReport {
    pub(super) fn new(stores: &[Store], rules: Vec<RuleResult>, evidence: &Evidence<'_>) -> Self {
        let mut checks = evidence.checks.iter();
        let failed =
            checks.find(|check| check.verdict == Verdict::Fail && check.rule.is_about_clients());
        let mut stores = stores.to_vec();
        stores.sort_unstable();
        stores.dedup();
        Self {
            stores,
            rules,
            has_tools: evidence.seen.tools.is_some(),
            failed: failed.map(|check| check.rule.id),
        }
    }

    /// Returns the number of rules of `store` with this verdict.
    #[must_use]
    pub fn count(&self, store: Store, verdict: RuleVerdict) -> usize {
        let rules = self.rules.iter();
        rules
            .filter(|result| result.verdict(store) == Some(verdict))
            .count()
    }

    /// Returns whether the server is ready for `store`, as far as a probe can see.
    #[must_use]
    pub fn readiness(&self, store: Store) -> Readiness {
        match (self.count(store, RuleVerdict::Fail), self.failed) {
            (0, Some(check)) => Readiness::ProbeFailed(check),
            (0, None) if !self.has_tools || self.rules.is_empty() => Readiness::Unknown,
            (0, None) => Readiness::Ready,
            (problems, _) => Readiness::Problems(problems),
        }
    }

    /// Returns the stores for which a required rule is broken.
    pub fn rejecting(&self) -> impl Iterator<Item = Store> {
        let stores = self.stores.iter().copied();
        stores.filter(|store| matches!(self.readiness(*store), Readiness::Problems(_)))
    }

    /// Returns the verdict about `store` in one line, without its name.
    #[must_use]
    pub fn summary(&self, store: Store) -> String {
        let mut parts = vec![match self.readiness(store) {
            Readiness::Ready => "ready".to_owned(),
            Readiness::Problems(problems) => count(problems, "problem"),
            Readiness::ProbeFailed(check) => format!("not ready: the check {check} failed"),
            Readiness::Unknown => "unknown: the probe did not get the list of tools".to_owned(),
        }];
        let warnings = self.count(store, RuleVerdict::Warn);
        if warnings > 0 {
            parts.push(count(warnings, "warning"));
        }
        let passed = self.count(store, RuleVerdict::Pass);
        let unchecked = self.count(store, RuleVerdict::CouldNotCheck);
        format!(
            "{}; {} passed, {unchecked} could not be checked",
            parts.join(", "),
            count(passed, "rule")
        )
    }

    /// Returns the strongest verdict about `result` among the requested stores.
    #[must_use]
    pub fn strongest(&self, result: &RuleResult) -> RuleVerdict {
        let verdicts = self.stores.iter();
        let mut verdicts: Vec<_> = verdicts
            .filter_map(|store| result.verdict(*store))
            .collect();
        verdicts.sort_by_key(|verdict| *verdict != RuleVerdict::Fail);
        verdicts
            .first()
            .copied()
            .unwrap_or(RuleVerdict::CouldNotCheck)
    }

    /// Returns the stores of `result` with the level of the rule, such as
    /// `claude-directory: required`.
    #[must_use]
    pub fn levels(&self, result: &RuleResult) -> String {
        let stores = self.stores.iter();
        let levels = stores.filter_map(|store| {
            let level = result.rule.stores.get(store)?;
            Some(format!("{}: {}", store.name(), level.name()))
        });
        levels.collect::<Vec<_>>().join(", ")
    }

    /// Returns the broken rules, problems first.
    #[must_use]
    pub fn broken(&self) -> Vec<&RuleResult> {
        let rules = self.rules.iter();
        let mut broken: Vec<_> = rules
            .filter(|result| matches!(result.outcome, RuleOutcome::Broken { .. }))
            .collect();
        broken.sort_by_key(|result| self.strongest(result) != RuleVerdict::Fail);
        broken
    }

    /// Returns the reasons why rules were not checked, each with the ids of its rules.
    #[must_use]
    pub fn unchecked(&self) -> Vec<(&str, Vec<&str>)> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for result in &self.rules {
            if let RuleOutcome::NotChecked { because } = &result.outcome {
                let id = result.rule.id.as_str();
                match reasons.iter_mut().find(|(reason, _)| reason == because) {
                    Some((_, ids)) => ids.push(id),
                    None => reasons.push((because, vec![id])),
                }
            }
        }
        reasons
    }
}
