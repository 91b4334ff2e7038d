//! Records the contract of the server, and compares it with a lock file.

use mcpo_common::{secret::Secret, text::count};

use crate::{
    check::{Detail, Fault, Log, Step},
    contract::{Comparison, Contract, Lists},
    plan::{Person, Plan},
    rules,
};

/// The most changes that a report for people lists.
const SHOWN: usize = 100;

/// Does nothing unless the plan needs the contract.
pub fn check(plan: &Plan, known: &[Secret], log: &mut Log<'_>) -> Step<()> {
    if !plan.records_contract && plan.locked.is_none() {
        return Ok(());
    }
    let pending = rules::CONTRACT.begin();
    let contract = match contract(plan, known, log) {
        Ok(contract) => contract,
        Err(missing) => {
            let because = format!("the probe did not get {missing}");
            let hint = "fix the check above that got no usable list";
            return Err(pending.could_not_run(log, because, hint));
        }
    };
    let Some(locked) = &plan.locked else {
        log.seen.contract = Some(contract);
        return Ok(());
    };
    let comparison = Comparison::new(locked, &contract);
    let summary = comparison.changes.summary();
    let is_changed = !comparison.changes.is_empty();
    let has_noticeable_changes = {
        let mut changes = comparison.changes.iter();
        changes.any(|change| change.class.is_noticeable())
    };
    let is_broken = comparison.is_broken();
    let pending = pending.with_details(details(&comparison));
    log.seen.contract = Some(contract);
    log.seen.comparison = Some(comparison);
    let expected = format!("the contract in {}", locked.file);
    if is_broken {
        let hint = format!("undo the changes, or accept them: {}", locked.how_to_accept);
        return Err(pending.fail(log, Fault::new(summary, expected, hint)));
    }
    if locked.accepts_changes && is_changed {
        pending.warn(
            log,
            Fault::new(format!("accepted: {summary}"), expected, ""),
        );
    } else if has_noticeable_changes {
        let hint = format!("update the file: {}", locked.how_to_accept);
        pending.warn(log, Fault::new(summary, expected, hint));
    } else {
        pending.pass(log, format!("{summary} since {}", locked.file));
    }
    Ok(())
}

/// Returns the contract, or what the probe did not get.
fn contract(plan: &Plan, known: &[Secret], log: &Log<'_>) -> Result<Contract, &'static str> {
    let seen = &log.seen;
    let templates = seen.resource_templates.as_deref();
    let lists = Lists {
        instructions: &seen.instructions,
        tools: seen.tools.as_deref().ok_or("the list of tools")?,
        resources: seen.resources.as_deref().ok_or("the list of resources")?,
        resource_templates: templates.ok_or("the list of resource templates")?,
        prompts: seen.prompts.as_deref().ok_or("the list of prompts")?,
        metadata: seen.resource.as_ref(),
    };
    let password = match &plan.person {
        Person::Forms { password, .. } => password.as_ref(),
        Person::Browser => None,
    };
    let secrets = known.iter().chain(password).map(Secret::expose);
    // A short password also occurs where it is not secret.
    let secrets: Vec<_> = secrets.filter(|secret| secret.len() >= 8).collect();
    Ok(Contract::of(&lists, &secrets))
}

/// Returns one line per change, with its class as the label.
fn details(comparison: &Comparison) -> Vec<Detail> {
    let changes = comparison.changes.iter();
    let lines = changes.take(SHOWN).map(|change| Detail {
        label: change.class.name(),
        text: change.to_string(),
    });
    let mut details: Vec<_> = lines.collect();
    let more = comparison.changes.iter().count().saturating_sub(SHOWN);
    if more > 0 {
        details.push(Detail {
            label: "more",
            text: count(more, "more change"),
        });
    }
    details
}
