//! Prints the plan and the results, as text or JSON.

use std::{collections::BTreeSet, time::Duration};

use mcpo_common::{error::Exit, secret::Secret, text::count, ui::Ui};
use serde_json::{Value, json};

use crate::{
    context::{Context, CreatedResources},
    invocation::Invocation,
    names::{Names, SQL_ROLE},
    plan::{Line, Observed},
    settings::{PASSWORD, sql_project},
    verify::{Address, Verified},
};

/// Incremented when a field changes its meaning or is removed. New fields do not change it.
const SCHEMA: u32 = 1;

/// Prints the plan, one line per change.
pub fn plan(context: &Context<'_>, lines: &[Line]) {
    let (ui, names) = (context.ui, &context.names);
    ui.step(
        "Project",
        format_args!(
            "{} ({}), {}{}, as {}",
            names.project,
            names.number,
            names.region,
            in_environment(context),
            context.google.credentials().who()
        ),
    );
    if lines.is_empty() {
        return;
    }
    ui.step(
        "Plan",
        format_args!("{} for {}", count(lines.len(), "change"), names.service_id),
    );
    for line in lines {
        let methods: Vec<_> = line.methods.iter().map(|method| short(method)).collect();
        let methods = console::style(format!("[{}]", methods.join(", ")))
            .for_stderr()
            .dim();
        ui.say(format_args!(
            "         {} {} {methods}",
            line.sign, line.text
        ));
    }
}

/// Returns the words that name the selected environment, or nothing.
fn in_environment(context: &Context<'_>) -> String {
    let environment = context.settings.environment.as_ref();
    environment.map_or_else(String::new, |name| format!(", environment {name}"))
}

/// Warns about secrets and versions that are not used.
pub fn left_over(ui: &Ui, seen: &Observed) {
    for (id, version) in &seen.unused {
        ui.warn(format_args!(
            "version {version} of {id} is not used: another first deployment, which ran at the \
             same time, created it; you can destroy it"
        ));
    }
    for id in &seen.left_over {
        ui.warn(format_args!(
            "secret {id} is left over: no setting uses it; --delete removes it with \
             everything else"
        ));
    }
}

/// Warns if the caller may not see whether the service may connect to Cloud SQL.
pub fn unknown_grants(context: &Context<'_>, seen: &Observed) {
    let instances = context.settings.cloud_sql.iter();
    let projects: BTreeSet<_> = instances.filter_map(|name| sql_project(name)).collect();
    let account = context.names.account(&context.settings);
    for project in projects {
        if !seen.sql_policies.contains_key(project) {
            context.ui.warn(format_args!(
                "you may not see who has access to {project}; {account} needs {SQL_ROLE} there: \
                 gcloud projects add-iam-policy-binding {project} --member=serviceAccount:{account} \
                 --role={SQL_ROLE} --condition=None"
            ));
        }
    }
}

/// Shortens `run.projects.locations.services.create` to `run.services.create`.
fn short(method: &str) -> String {
    method.replace("projects.", "").replace("locations.", "")
}

/// Returns the plan as JSON.
pub fn plan_as_json(context: &Context<'_>, lines: &[Line], outcome: &str) -> Value {
    let changes: Vec<_> = lines
        .iter()
        .map(|line| json!({ "sign": line.sign.to_string(), "what": line.text, "methods": line.methods }))
        .collect();
    let names = &context.names;
    json!({
        "schema": SCHEMA,
        "outcome": outcome,
        "project": names.project,
        "project_number": names.number,
        "region": names.region,
        "service": names.service_id,
        "environment": context.settings.environment,
        "url": format!("{}/mcp", context.base_url()),
        "changes": changes,
    })
}

/// Reports the result of a dry run of a command that only shifts traffic or deletes.
pub fn dry_run(as_json: bool, context: &Context<'_>, lines: &[Line]) -> Exit {
    dry_run_with(as_json, context, lines, |_| {})
}

/// Reports the result of a dry run. `add` adds members to the JSON report.
pub fn dry_run_with(
    as_json: bool,
    context: &Context<'_>,
    lines: &[Line],
    add: impl FnOnce(&mut Value),
) -> Exit {
    let is_pending = !lines.is_empty();
    let outcome = if is_pending {
        "changes pending"
    } else {
        "nothing to do"
    };
    if as_json {
        let mut document = plan_as_json(context, lines, outcome);
        add(&mut document);
        context.ui.result(document);
    } else {
        context.ui.result(outcome);
    }
    if is_pending {
        Exit::ChangesPending
    } else {
        Exit::Success
    }
}

/// Returns the result of `--image-file` as JSON.
pub fn image_file_as_json(path: &str, bytes: usize, reference: &str, digest: &str) -> Value {
    json!({
        "schema": SCHEMA,
        "outcome": "image written",
        "image_file": path,
        "bytes": bytes,
        "image": reference,
        "digest": digest,
        "platform": "linux/amd64",
    })
}

/// Returns the failure as JSON.
pub fn failure_as_json(failure: &mcpo_common::error::Failure, made: &[String]) -> Value {
    json!({
        "schema": SCHEMA,
        "outcome": "failed",
        "exit_code": failure.exit() as u8,
        "error": failure.what(),
        "causes": failure.causes(),
        "hint": failure.hint_text(),
        "made": made,
    })
}

/// Returns the generated password as JSON.
pub fn password_as_json(names: &Names, password: &Secret, version: &str) -> Value {
    json!({
        "schema": SCHEMA,
        "service": names.service_id,
        "password": password.expose(),
        "password_secret": names.secret_id(PASSWORD),
        "version": version,
    })
}

/// Prints a generated password.
pub fn password(ui: &Ui, password: &Secret, id: &str, command: &str) {
    ui.say("\nUsers need this password to sign in. It is shown only once:\n");
    ui.say(format_args!("  {}\n", password.expose()));
    ui.say(format_args!(
        "It is stored in Secret Manager as {id}. To read it: {command}"
    ));
}

/// Reports the verified revision, its URL and whether the checks were complete.
pub fn verified(ui: &Ui, verified: &Verified) {
    let Verified {
        revision,
        base,
        summary,
        is_complete,
        ..
    } = verified;
    if *is_complete {
        ui.step("Verified", format_args!("{revision} at {base}: {summary}"));
    } else {
        ui.warn(format_args!(
            "verified only in part: {revision} at {base}: {summary}"
        ));
    }
}

/// Prints how to promote or undo a revision that serves only a part of the requests, or none.
pub fn after_a_part(context: &Context<'_>, address: &Address) {
    let promote = context.invocation.with("--promote");
    let (ui, revision) = (context.ui, &address.revision);
    ui.say(format_args!("\n{revision} answers at {}/mcp", address.base));
    ui.say(format_args!("  to send all requests to it: {promote}"));
    if let Some(undo) = &address.undo {
        ui.say(format_args!("  to send none to it:         {undo}\n"));
    }
}

/// Prints the steps that the user must do by hand.
pub fn next_steps(ui: &Ui, service: &str) {
    ui.say("\nAdd it to claude.ai:");
    ui.say("  1. Settings → Connectors → Add custom connector");
    ui.say(format_args!(
        "  2. Name {service}, URL as below (the /mcp at the end matters), Add"
    ));
    ui.say("  3. Connect, sign in, allow");
    ui.say("  4. In a chat, turn the connector on and ask for one of its tools\n");
}

/// Lists the created resources and how to continue. Suggests to remove them only if this run created
/// the service: otherwise `--delete` would remove a service that users need.
pub fn made(ui: &Ui, made: &CreatedResources, invocation: &Invocation) {
    let list = made.list();
    if list.is_empty() {
        return;
    }
    ui.say("\nThis run created:");
    for what in list {
        ui.say(format_args!("  - {what}"));
    }
    let again = "Run the same command again to continue.";
    if made.extends_service() {
        ui.say(again);
    } else {
        let delete = invocation.with("--delete");
        ui.say(format_args!("{again} To remove everything: {delete}"));
    }
}

pub fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
