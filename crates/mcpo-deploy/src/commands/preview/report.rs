//! Reports the result of a deployment of a preview.

use mcpo_common::error::{Exit, Failure, Outcome};
use serde_json::{Value, json};

use crate::{
    args::DeployArgs,
    context::Context,
    plan::Line,
    report,
    settings::{PASSWORD, SignIn},
    verify::{Before, Verified},
};

/// What a deployment of a preview has done.
pub struct Deployed<'a> {
    pub revision: String,
    pub lines: &'a [Line],
    /// Whether the preview was already up to date.
    pub is_unchanged: bool,
    /// `None` if the preview was not verified.
    pub verified: Option<Outcome<Verified>>,
    pub before: Option<Before>,
}

/// Prints the result. With `--json`, a preview that fails its checks is reported like one that passes
/// them, so that CI can show what was seen.
pub fn finish(context: &Context<'_>, args: &DeployArgs, deployed: Deployed<'_>) -> Outcome {
    let Deployed {
        revision,
        lines,
        is_unchanged,
        verified,
        before,
    } = deployed;
    let names = &context.names;
    let tag = names.preview().unwrap_or_default();
    let base = names.base_url(&context.settings);
    if is_unchanged {
        context.ui.step(
            "Unchanged",
            format_args!("the preview {tag} is up to date; nothing to do"),
        );
    }
    let (verified, failure) = match verified {
        Some(Ok(verified)) => (Some(verified), None),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, None),
    };
    if let Some(verified) = &verified {
        report::verified(context.ui, verified);
    }
    if !args.json {
        if let Some(failure) = failure {
            return Err(failure);
        }
        context.ui.say(format_args!(
            "\n{revision} answers at {base}/mcp, and gets no other requests"
        ));
        let delete = context
            .invocation
            .with(&format!("--delete --preview {tag}"));
        context
            .ui
            .say(format_args!("  to delete the preview: {delete}"));
        context.ui.result(format_args!("{base}/mcp"));
        return Ok(Exit::Success);
    }
    let outcome = if is_unchanged {
        "unchanged"
    } else {
        "deployed"
    };
    let mut document = report::plan_as_json(context, lines, outcome);
    let has_password = context.settings.sign_in == SignIn::GeneratedPassword;
    let complete = verified.as_ref().filter(|verified| verified.is_complete);
    document["preview"] = json!(tag);
    document["revision"] = json!(revision);
    document["password_secret"] = has_password.then(|| names.secret_id(PASSWORD)).into();
    document["verified_revision"] = complete.map(|verified| verified.revision.clone()).into();
    document["verified"] = verified.as_ref().map(|it| it.summary.clone()).into();
    document["contract_changes"] =
        json!(verified.as_ref().and_then(|it| it.contract_changes.clone()));
    document["failed"] = failure.as_ref().map_or(Value::Null, as_json);
    document["report"] = before.and_then(|before| before.report).into();
    context.ui.result(document);
    match failure {
        Some(failure) => {
            context.ui.warn(failure.what());
            Ok(failure.exit())
        }
        None => Ok(Exit::Success),
    }
}

fn as_json(failure: &Failure) -> Value {
    json!({
        "error": failure.what(),
        "causes": failure.causes(),
        "hint": failure.hint_text(),
    })
}
