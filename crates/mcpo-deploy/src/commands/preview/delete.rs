//! Deletes one preview.

use std::time::SystemTime;

use mcpo_common::error::{Exit, Outcome};
use serde_json::json;

use super::{
    super::{Context, found},
    remove,
};
use crate::{
    args::DeployArgs,
    google::method,
    plan::{self, Line},
    preview::{self, Found, Removal, Scope},
    release,
    report::{dry_run, plan as print_plan, plan_as_json},
    settings::Ledger,
};

/// Removes the tag, the revisions, the records in the ledger and the secrets of the preview. It asks
/// for no confirmation, because nothing else depends on a preview.
pub async fn delete(context: &Context<'_>, args: &DeployArgs) -> Outcome {
    let names = &context.names;
    let tag = names.preview().unwrap_or_default();
    let secrets = plan::all_secrets(&context.google, names).await?;
    if secrets.is_none() {
        context.ui.warn(
            "the secrets of the preview are not deleted: finding them requires the permission \
             secretmanager.secrets.list",
        );
    }
    let secrets = secrets.unwrap_or_default();
    let mut state = found(context).await?;
    // A write of the old traffic would undo a release that is not in effect yet.
    let is_changing = |found: &Found| found.service.reconciling;
    if !args.dry_run && state.as_ref().is_some_and(is_changing) {
        release::current(context).await?;
        state = found(context).await?;
    }
    let Some(found) = state else {
        print_unchanged(context, args, tag);
        return Ok(Exit::Success);
    };
    let scope = Scope::One(tag);
    let removal = Removal::plan(&found, &secrets, &scope, SystemTime::now());
    let (service, seen) = preview::of_this_preview(found, removal, names)?;
    let removal = seen.removal;
    let tags = removal.reachable.iter().map(|tag| Line {
        sign: '-',
        text: format!("tag {tag}, the address {}", names.tag_url(tag)),
        methods: vec![method::SERVICE_PATCH.id],
    });
    let lines: Vec<_> = tags.chain(remove::lines(context, &removal)).collect();
    if args.dry_run {
        print_plan(context, &lines);
        return Ok(dry_run(args.json, context, &lines));
    }
    if removal.is_empty() {
        print_unchanged(context, args, tag);
        return Ok(Exit::Success);
    }
    if !removal.reachable.is_empty() {
        release::remove_tags(context, &service, tag).await?;
        context.ui.step("Deleted", format_args!("tag {tag}"));
    }
    remove::remove(context, &removal).await?;
    if let Some(kept) = &removal.kept {
        context.ui.say(format_args!(
            "The revision {kept} has no address any more. Google does not delete the latest revision \
             of a service; a later deployment of a preview deletes it."
        ));
    }
    if context.settings.ledger != Ledger::Bucket && !removal.with_records.is_empty() {
        context.ui.say(
            "The records of the preview stay in the ledger until they expire: mcpo has no access to it.",
        );
    }
    if args.json {
        let mut document = plan_as_json(context, &lines, "deleted");
        document["kept_revision"] = json!(removal.kept);
        context.ui.result(document);
    }
    Ok(Exit::Success)
}

fn print_unchanged(context: &Context<'_>, args: &DeployArgs, tag: &str) {
    let what = format_args!("there is no preview {tag}");
    context.ui.step("Unchanged", what);
    if args.json {
        context.ui.result(plan_as_json(context, &[], "unchanged"));
    }
}
