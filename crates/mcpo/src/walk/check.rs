//! One check and its verdict, and the log in which the walk writes them down in flow order.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use super::{
    http::{Recorder, Sent},
    known::Known,
    plan::Plan,
    rules::{self, Rule},
    text::clean,
};

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// It works, and some client or a later day will trip over it.
    Warn,
    Fail,
    Skipped {
        because: String,
    },
    /// Nothing is known about the server: the probe could not look.
    CouldNotRun {
        because: String,
    },
}

/// What is wrong, in the words of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    pub seen: String,
    pub expected: String,
    /// The change that mends it.
    pub hint: String,
}

impl Fault {
    pub fn new(seen: impl AsRef<str>, expected: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        Self {
            seen: clean(seen.as_ref()),
            expected: clean(expected.as_ref()),
            hint: clean(hint.as_ref()),
        }
    }
}

/// A rule of the catalogue, looked at once.
#[derive(Clone, Debug)]
pub struct Check {
    pub rule: &'static Rule,
    pub verdict: Verdict,
    pub fault: Fault,
    pub elapsed: Duration,
    /// The settings that mend it, for servers that were recognized.
    pub settings: Vec<String>,
    /// What was asked for it, in order.
    pub sent: Vec<Sent>,
    /// 1, or more when the walk had to authorize again (step-up, another authorization server).
    pub round: u32,
}

/// What would have let the walk go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suggestion {
    Password,
    Browser,
    ClientId,
}

/// The walk ends here; the log says why.
#[derive(Debug)]
pub struct Stop;

/// A step hands its output on or ends the walk.
pub type Step<T> = Result<T, Stop>;

/// Hears what is being asked for right now.
pub type Activity = Rc<dyn Fn(&str)>;

/// Shows checks as they happen.
pub trait Observer {
    /// Who is to be told of each request as it goes out.
    fn activity(&self) -> Option<Activity> {
        None
    }
    fn checked(&mut self, check: &Check);
    /// Several rules in a row that nothing is known about, for one reason.
    fn skipped(&mut self, rules: &[&'static Rule], because: &str);
}

/// Tells nobody: what happened is in the report.
pub struct Quiet;

impl Observer for Quiet {
    fn checked(&mut self, _: &Check) {}
    fn skipped(&mut self, _: &[&'static Rule], _: &str) {}
}

/// All checks so far, in flow order.
pub struct Log<'o> {
    checks: Vec<Check>,
    observer: &'o mut dyn Observer,
    suggestion: Option<Suggestion>,
    round: u32,
    recorder: Rc<Recorder>,
}

impl<'o> Log<'o> {
    pub fn new(observer: &'o mut dyn Observer, plan: &Plan) -> Self {
        let recorder = Recorder::new(plan, observer.activity());
        Self {
            checks: Vec::new(),
            observer,
            suggestion: None,
            round: 1,
            recorder,
        }
    }

    /// Where requests are written down.
    pub fn recorder(&self) -> Rc<Recorder> {
        Rc::clone(&self.recorder)
    }

    /// From here on the walk repeats steps it has taken before.
    pub const fn next_round(&mut self) {
        self.round += 1;
    }

    /// Sets what the user has to add to the command.
    pub const fn suggest(&mut self, suggestion: Suggestion) {
        self.suggestion = Some(suggestion);
    }

    /// Passes over `rules` for one reason.
    pub fn skip(&mut self, rules: &[&'static Rule], because: &str) {
        let because = clean(because);
        for rule in rules {
            self.checks.push(Check {
                rule,
                verdict: Verdict::Skipped {
                    because: because.clone(),
                },
                fault: Fault::default(),
                elapsed: Duration::ZERO,
                settings: Vec::new(),
                sent: Vec::new(),
                round: self.round,
            });
        }
        if !rules.is_empty() {
            self.observer.skipped(rules, &because);
        }
    }

    /// Passes over every rule of the catalogue that the walk did not reach.
    pub fn skip_unreached(&mut self) {
        self.skip_rest(rules::all(), "the walk ended before it");
    }

    /// Passes over those of `rules` that have not been looked at.
    pub fn skip_rest(&mut self, rules: impl Iterator<Item = &'static Rule>, because: &str) {
        let unreached: Vec<_> = rules
            .filter(|rule| !self.checks.iter().any(|check| check.rule.id == rule.id))
            .collect();
        self.skip(&unreached, because);
    }

    /// What kind of server this seems to be.
    pub fn recognized(&self) -> Vec<&'static Known> {
        self.recorder.traits.recognized()
    }

    /// The checks, what was sent after the last of them, and what the user has to add to the
    /// command.
    pub fn into_parts(self) -> (Vec<Check>, Vec<Sent>, Option<Suggestion>) {
        (self.checks, self.recorder.take(), self.suggestion)
    }

    fn record(&mut self, pending: &Pending, verdict: Verdict, fault: Fault) {
        let wrong = matches!(verdict, Verdict::Warn | Verdict::Fail);
        let check = Check {
            rule: pending.rule,
            settings: if wrong {
                self.recorder.traits.settings(pending.rule.id)
            } else {
                Vec::new()
            },
            verdict,
            fault,
            elapsed: pending.since.elapsed(),
            sent: self.recorder.take(),
            round: self.round,
        };
        self.observer.checked(&check);
        self.checks.push(check);
    }
}

impl Rule {
    /// Starts the clock of a check.
    pub fn begin(&'static self) -> Pending {
        Pending {
            rule: self,
            since: Instant::now(),
        }
    }
}

/// A check whose clock runs. It is consumed by its verdict.
#[must_use]
pub struct Pending {
    rule: &'static Rule,
    since: Instant,
}

impl Pending {
    pub fn pass(self, log: &mut Log<'_>, seen: impl AsRef<str>) {
        log.record(&self, Verdict::Pass, Fault::new(seen, "", ""));
    }

    pub fn warn(self, log: &mut Log<'_>, fault: Fault) {
        log.record(&self, Verdict::Warn, fault);
    }

    pub fn fail(self, log: &mut Log<'_>, fault: Fault) -> Stop {
        log.record(&self, Verdict::Fail, fault);
        Stop
    }

    pub fn skip(self, log: &mut Log<'_>, because: impl AsRef<str>) {
        let because = clean(because.as_ref());
        log.record(&self, Verdict::Skipped { because }, Fault::default());
    }

    pub fn could_not_run(
        self,
        log: &mut Log<'_>,
        because: impl AsRef<str>,
        hint: impl AsRef<str>,
    ) -> Stop {
        let because = clean(because.as_ref());
        let fault = Fault::new("", "", hint);
        log.record(&self, Verdict::CouldNotRun { because }, fault);
        Stop
    }
}
