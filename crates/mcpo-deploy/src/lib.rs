//! Implements `mcpo deploy`: plan → build → push → release → verify.
//!
//! Everything that can be checked from this machine is checked before the first change, and the
//! plan announces every change. Each step reuses what an earlier run created.

mod adoption;
mod apply;
mod args;
mod artifact;
mod blob_mount;
mod bucket;
mod build;
mod checked_release;
mod commands;
mod confirm;
mod context;
mod cost;
mod domain;
mod domain_setup;
mod drift;
mod export;
mod flow;
mod google;
mod gzip;
mod history;
mod image;
mod image_file;
mod invocation;
mod labels;
mod last_write;
mod logs;
mod memorystore;
mod monitoring;
mod names;
mod owner_report;
mod plan;
mod preview;
mod registry;
mod release;
mod remote;
mod report;
mod retention;
mod settings;
mod shares;
mod supply_chain;
mod traffic;
mod verify;

pub use self::{args::DeployArgs, settings::REGIONS};
use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
    process::Signals,
    project::Environment,
    ui::Ui,
};

use mcpo_probe::LockFile;

use self::{
    context::{Context, CreatedResources},
    google::{Google, credentials::Credentials, http::Http},
    invocation::Invocation,
    names::Names,
    settings::Settings,
};

/// Deploys, or runs the action that the arguments select.
pub fn run(args: &DeployArgs, ui: &Ui) -> Outcome {
    let made = CreatedResources::default();
    let outcome = run_action(args, &made, ui);
    if let (Err(failure), true) = (&outcome, args.json) {
        ui.result(report::failure_as_json(failure, &made.list()));
    }
    outcome
}

fn run_action(args: &DeployArgs, made: &CreatedResources, ui: &Ui) -> Outcome {
    let package = Package::find(args.package.as_deref(), args.bin.as_deref())?;
    let environment = Environment::load(&package.folder)?;
    if args.show_dockerfile {
        let settings = Settings::read_for_build(args, &package, &environment)?;
        ui.result(remote::dockerfile(&package, &settings.features)?.trim_end());
        return Ok(Exit::Success);
    }
    if let Some(file) = &args.image_file {
        let settings = Settings::read_for_build(args, &package, &environment)?;
        return block_on(image_file::write(file, &package, &settings, args.json, ui));
    }
    let settings = Settings::read(args, &package, &environment)?;
    let invocation = Invocation::new(args, &settings.region);
    let outcome = block_on(act(args, settings, &package, ui, made, &invocation));
    if !matches!(outcome, Ok(Exit::Success | Exit::ChangesPending)) {
        report::made(ui, made, &invocation);
    }
    if let (Ok(Exit::Interrupted), Some(state)) = (&outcome, made.unfinished()) {
        ui.warn(state);
    }
    outcome
}

/// Runs a future until it ends, or until Ctrl-C or a termination signal.
fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("failed to start").because(&error))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            interrupted = interruption() => interrupted,
            outcome = future => outcome,
        }
    });
    // A DNS lookup that is still running must not delay the exit.
    runtime.shutdown_background();
    outcome
}

/// Waits for Ctrl-C or a termination signal.
async fn interruption() -> Outcome {
    let signals = Signals::listen();
    let mut signals =
        signals.map_err(|error| Failure::new("failed to listen for Ctrl-C").because(&error))?;
    signals.next().await;
    Ok(Exit::Interrupted)
}

async fn act(
    args: &DeployArgs,
    settings: Settings,
    package: &Package,
    ui: &Ui,
    made: &CreatedResources,
    invocation: &Invocation,
) -> Outcome {
    let http = Http::new()?;
    http.check_proxy().await?;
    let credentials = Credentials::find(&http, args.impersonate_service_account.as_deref()).await?;
    let project = settings
        .project
        .clone()
        .or_else(|| credentials.project().map(str::to_owned));
    let project = project.ok_or_else(|| {
        Failure::new("missing project id")
            .hint("use --project my-project, or set project = \"…\" in [package.metadata.mcpo]")
    })?;
    let google = Google::new(http, credentials);
    let apis = plan::apis(args.remote_build, &settings, args.delete);
    let (number, disabled) = plan::project(&google, &project, &apis).await?;
    if !settings.is_region_known() {
        plan::check_region(&google, &project, &settings.region, &disabled, ui).await?;
    }
    let names = Names::new(&settings, &project, number);
    let (settings, names) = match &args.preview {
        None => (settings, names),
        Some(given) => {
            let tag = preview::tag(&preview::given_name(given)?, &names)?;
            (preview::adapt(settings, &tag), names.for_preview(&tag))
        }
    };
    check_host(&names, args.tag.as_deref())?;
    let shows_no_address = args.logs || args.show_password || args.delete || args.preview.is_some();
    let domain = if shows_no_address {
        None
    } else {
        domain::observe(&google, &settings, &names, &disabled).await?
    };
    let context = Context {
        google,
        settings,
        names,
        domain,
        ui,
        made,
        invocation,
        contract_file: LockFile::new(package.folder.join(LockFile::NAME)),
        accepts_changes: args.accept_changes,
    };
    if args.status {
        commands::status(&context, args.json, &disabled).await
    } else if args.logs {
        logs::print(&context, args.follow, args.json).await
    } else if args.show_password {
        commands::show_password(&context, args.json).await
    } else if args.promote {
        commands::promote(&context, args).await
    } else if let Some(revision) = &args.rollback {
        commands::rollback(&context, revision, args).await
    } else if args.preview.is_some() && args.delete {
        commands::delete_preview(&context, args).await
    } else if args.preview.is_some() {
        Box::pin(commands::deploy_preview(args, &context, package, disabled)).await
    } else if args.delete {
        commands::delete(&context, args, &disabled).await
    } else {
        Box::pin(flow::deploy(args, &context, package, disabled)).await
    }
}

fn check_host(names: &Names, tag: Option<&str>) -> Outcome<()> {
    names.checked_host(tag).map_err(|long| {
        Failure::new(format!(
            "the first label of the address {} has {} characters; at most 63 are allowed",
            long.host, long.length
        ))
        .hint("choose a shorter name with --service, or a shorter --tag")
    })?;
    Ok(())
}
