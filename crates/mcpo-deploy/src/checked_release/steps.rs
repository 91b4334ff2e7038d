//! The steps of one run of a checked release: shift, check, and put back on failure.

use mcpo_common::error::{Failure, Outcome};

use super::{CheckedRelease, refused};
use crate::{
    context::Context,
    google::api::run::{Service, TrafficTarget},
    history, last_write,
    preview::without_preview_tags,
    release::{self, Released},
    report,
    shares::{Shares, main_of, names_of},
    traffic::{self, CHECK_TAG, serving},
    verify::{self, Address, Before, Verified},
};

/// A check that has passed.
pub struct StepResult {
    pub percent: i64,
    pub verified: Verified,
}

/// The service during the release.
pub struct Steps<'a> {
    release: &'a CheckedRelease,
    context: &'a Context<'a>,
    revision: &'a str,
    /// The shares to restore if a check fails.
    old: Shares,
    service: Service,
    /// The last allocation that this run wrote, or tried to write.
    written: Vec<TrafficTarget>,
}

impl<'a> Steps<'a> {
    /// Fails if the service is no longer the one that this run released.
    pub fn begin(
        release: &'a CheckedRelease,
        context: &'a Context<'a>,
        released: &'a Released,
    ) -> Outcome<Self> {
        let Released {
            revision,
            service,
            traffic,
        } = released;
        check_unchanged(service, revision, traffic)?;
        Ok(Self {
            release,
            context,
            revision,
            old: history::before(service, revision),
            service: service.clone(),
            written: traffic.clone(),
        })
    }

    /// Returns the revisions that served before, and their shares.
    pub fn old(&self) -> &[(String, i64)] {
        &self.old
    }

    /// Checks the revision at its current share and at each larger one.
    pub async fn check(&mut self, before: &mut Before) -> Outcome<Vec<StepResult>> {
        // An interrupted run may have sent requests to the revision already.
        let first = traffic::share_of(&self.service, self.revision);
        if first > 0 {
            self.note_share(first, "still serves");
            self.context.ui.warn(format_args!(
                "tokens of the earlier revision may not be checked: mcpo signed in at the public \
                 address, where {} already serves {first} % of the requests",
                self.revision
            ));
        }
        let mut checks = Vec::new();
        for percent in shares_to_check(first, &self.release.steps) {
            if percent > first {
                self.shift(percent).await?;
            }
            let address = self.address(percent);
            let has_tokens = before.has_tokens();
            let verified = verify::verify(self.context, before, &address).await?;
            if verified.is_refused {
                return Err(refused(self.context, &verified));
            }
            if checks.is_empty() && has_tokens {
                verify::verify_sign_in(self.context, before, &address).await?;
            }
            report::verified(self.context.ui, &verified);
            checks.push(StepResult { percent, verified });
        }
        Ok(checks)
    }

    /// Sends this share of the requests to the revision, by its name. "The latest revision" would
    /// include a revision that someone else deploys at the same time.
    async fn shift(&mut self, percent: i64) -> Outcome<()> {
        let (service, revision) = (&self.service, self.revision);
        self.written = match percent {
            100 => traffic::only_tagged(service, CHECK_TAG, revision),
            _ => traffic::shared(service, &self.old, revision, percent, CHECK_TAG)?,
        };
        self.note_share(percent, "may already serve");
        self.write(&self.old.clone()).await?;
        self.note_share(percent, "still serves");
        let what = match percent {
            100 => "all requests".to_owned(),
            _ => format!("{percent} % of the requests"),
        };
        let ui = self.context.ui;
        ui.step("Shifted", format_args!("{what} to {revision}"));
        Ok(())
    }

    /// Ends the release after the last check: removes the tag, and lets the traffic follow the
    /// latest revision.
    pub async fn end(&mut self) -> Outcome<()> {
        let end = &self.release.end;
        self.written = end.targets(Some(&self.service), self.revision)?;
        let outcome = self.write(&[]).await;
        self.context.made.set_unfinished(None);
        outcome.map_err(|failure| {
            failure.hint(format!(
                "all checks of {} have passed; run the same command again",
                self.revision
            ))
        })
    }

    /// Writes the allocation, and fails if someone else has changed the service meanwhile.
    async fn write(&mut self, before: &[(String, i64)]) -> Outcome<()> {
        let (context, service) = (self.context, &self.service);
        self.service = release::set_traffic(context, service, &self.written, before).await?;
        check_unchanged(&self.service, self.revision, &self.written)
    }

    /// While the revision serves a part of the requests, a check of the public address would mostly
    /// reach the other revision.
    fn address(&self, percent: i64) -> Address {
        let base = match percent {
            100 => self.context.base_url(),
            _ => self.context.names.tag_url(CHECK_TAG),
        };
        Address {
            base,
            revision: self.revision.to_owned(),
            is_released: false,
            undo: None,
        }
    }

    /// Records what the user must know if the run is interrupted now.
    fn note_share(&self, percent: i64, verb: &str) {
        let undo = match main_of(&self.old) {
            Some(old) => format!("; to undo: {}", self.rollback(old)),
            None => String::new(),
        };
        self.context.made.set_unfinished(Some(format!(
            "{} {verb} {percent} % of the requests; to continue: run the same command again{undo}",
            self.revision
        )));
    }

    fn rollback(&self, old: &str) -> String {
        let words = format!("--rollback {old} --no-verify");
        self.context.invocation.with(&words)
    }

    /// Puts the traffic back to the revisions that served before, if it is an allocation of this
    /// run. The tag stays at the new revision, so that the fault can be examined there.
    pub async fn put_back(&self, failure: Failure) -> Failure {
        let advice = failure.hint_text().unwrap_or("fix the cause").to_owned();
        let restored = self.restore().await;
        self.context.made.set_unfinished(None);
        match restored {
            Ok((service, is_changed)) => {
                if is_changed {
                    let old = names_of(&self.old);
                    let ui = self.context.ui;
                    ui.step("Restored", format_args!("the traffic of {old}, as before"));
                }
                let mut hint = format!("{advice}; {}", describe(&service, &self.old));
                if history::is_checked(&service, self.revision) {
                    let tagged = self.context.names.tag_url(CHECK_TAG);
                    hint = format!("{hint}, and {} is at {tagged}/mcp", self.revision);
                }
                failure.hint(format!(
                    "{hint}; to release it in spite of this: {}",
                    self.context.invocation.with("--fast")
                ))
            }
            Err(problem) => {
                let mut hint = format!("{advice}; the traffic was not put back: {problem}");
                if let Some(old) = main_of(&self.old) {
                    hint = format!("{hint}; to do so: {}", self.rollback(old));
                }
                failure.hint(hint)
            }
        }
    }

    /// Returns the service afterwards, and whether its traffic was changed.
    async fn restore(&self) -> Outcome<(Service, bool)> {
        // A write whose response was lost may be in effect.
        let service = release::current(self.context).await?;
        if traffic::share_of(&service, self.revision) == 0 {
            return Ok((service, false));
        }
        let ours = [&*self.written, &self.service.traffic];
        if !ours
            .iter()
            .any(|targets| are_same(targets, &service.traffic))
        {
            return Err(Failure::new("someone else has changed it at the same time"));
        }
        let targets = traffic::shared(&service, &self.old, self.revision, 0, CHECK_TAG)?;
        let service = release::set_traffic(self.context, &service, &targets, &[]).await?;
        Ok((service, true))
    }
}

/// Returns the shares at which a revision is checked that has the share `first`.
fn shares_to_check(first: i64, steps: &[u8]) -> Vec<i64> {
    let later = steps.iter().map(|step| i64::from(*step)).chain([100]);
    let later = later.filter(|step| *step > first);
    [first].into_iter().chain(later).collect()
}

/// Fails if someone else has deployed a revision or changed the traffic since this run wrote it.
fn check_unchanged(service: &Service, revision: &str, written: &[TrafficTarget]) -> Outcome<()> {
    let newest = service.latest_created();
    let what = if newest != revision {
        format!("deployed {newest}")
    } else if !are_same(written, &service.traffic) {
        "changed the traffic".to_owned()
    } else {
        return Ok(());
    };
    let failure = Failure::new(format!(
        "the release of {revision} cannot continue: {} has {what} at the same time{}",
        last_write::account_of(service),
        match last_write::describe("", &service.update_time, &service.client) {
            words if words.is_empty() => words,
            words => format!(" ({words})"),
        }
    ));
    Err(failure.hint("agree on who deploys, and run the same command again"))
}

/// Returns true if the allocations are the same. A preview that someone deploys at the same time does
/// not change what serves users.
fn are_same(one: &[TrafficTarget], other: &[TrafficTarget]) -> bool {
    let [one, other] = [one, other].map(without_preview_tags);
    traffic::same(&one, &other)
}

/// Describes which revisions serve, compared with those that served before.
fn describe(service: &Service, old: &[(String, i64)]) -> String {
    let now = serving(service);
    let sorted = |shares: &[(String, i64)]| {
        let mut shares = shares.to_vec();
        shares.sort();
        shares
    };
    if sorted(&now) == sorted(old) {
        let verb = if now.len() == 1 { "serves" } else { "serve" };
        return format!("{} {verb} all requests as before", names_of(&now));
    }
    let shares: Vec<_> = now
        .iter()
        .map(|(name, share)| format!("{share} % {name}"))
        .collect();
    format!("the traffic is now {}", shares.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Service, check_unchanged, describe, shares_to_check};

    fn service(text: Value) -> Service {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn each_share_is_checked_once() {
        assert_eq!(shares_to_check(0, &[10, 50]), [0, 10, 50, 100]);
        assert_eq!(shares_to_check(10, &[10, 50]), [10, 50, 100]);
        assert_eq!(shares_to_check(20, &[10]), [20, 100]);
        assert_eq!(shares_to_check(100, &[10]), [100]);
    }

    #[test]
    fn release_stops_if_the_service_is_no_longer_the_released_one() {
        let traffic =
            json!([{ "revision": "a", "percent": 90 }, { "revision": "b", "percent": 10 }]);
        let ours = service(json!({ "latestCreatedRevision": "p/b", "traffic": traffic }));
        assert!(check_unchanged(&ours, "b", &ours.traffic).is_ok());
        let newer = service(json!({
            "latestCreatedRevision": "p/c", "traffic": traffic, "client": "gcloud",
            "lastModifier": "anna@example.com", "updateTime": "2026-11-28T20:10:30Z",
        }));
        let failure = check_unchanged(&newer, "b", &ours.traffic).unwrap_err();
        let expected =
            "anna@example.com has deployed c at the same time (at 2026-11-28T20:10 with gcloud)";
        assert!(failure.what().ends_with(expected), "{failure}");
        let moved = service(json!({ "latestCreatedRevision": "p/b", "traffic": [] }));
        let failure = check_unchanged(&moved, "b", &ours.traffic).unwrap_err();
        assert!(
            failure
                .what()
                .contains("someone else has changed the traffic"),
            "{failure}"
        );
    }

    #[test]
    fn only_restored_shares_are_called_as_before() {
        let statuses =
            json!([{ "revision": "a", "percent": 5 }, { "revision": "b", "percent": 95 }]);
        let now = service(json!({ "trafficStatuses": statuses }));
        let old = |shares: [(&str, i64); 2]| shares.map(|(name, share)| (name.to_owned(), share));
        let same = old([("b", 95), ("a", 5)]);
        assert_eq!(describe(&now, &same), "a, b serve all requests as before");
        let other = old([("a", 50), ("b", 50)]);
        assert_eq!(describe(&now, &other), "the traffic is now 5 % a, 95 % b");
    }
}
