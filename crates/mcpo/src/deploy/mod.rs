//! The room of `mcpo deploy`: plan → build → push → release → verify.
//!
//! Nothing is changed before everything that can be checked from here was checked, and every change
//! was announced by the plan. Each step finds what an earlier run left and goes on from there.

mod args;
mod build;
mod context;
mod google;
mod image;
mod logs;
mod names;
mod plan;
mod registry;
mod release;
mod report;
mod secret;
mod settings;
mod traffic;
mod verbs;
mod verify;

use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};

pub use self::args::DeployArgs;
use self::{
    build::Target,
    context::{Context, Made},
    google::{Google, credentials::Credentials, http::Http},
    image::Image,
    names::Names,
    plan::{ImageState, Observed, Plan, Versions},
    registry::Registry,
    settings::Settings,
    traffic::{Share, Wanted},
};
use crate::{
    error::{Exit, Failure, Outcome},
    package::Package,
    project::Environment,
    ui::Ui,
};

/// Deploys, or does what else was asked for.
pub fn run(args: &DeployArgs, ui: &Ui) -> Outcome {
    let package = Package::find(args.package.as_deref(), args.bin.as_deref())?;
    let environment = Environment::load(&package.folder)?;
    let settings = Settings::read(args, &package, &environment)?;
    let made = Made::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("failed to start").because(&error))?;
    let (region, service) = (settings.region.clone(), settings.service.clone());
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            interrupted = interruption() => interrupted,
            outcome = act(args, settings, &package, ui, &made) => outcome,
        }
    });
    // A name that is still being looked up must not hold the user up.
    runtime.shutdown_background();
    if !matches!(outcome, Ok(Exit::Success | Exit::ChangesPending)) {
        report::made(ui, &made.list(), &region, &service);
    }
    if let (Err(failure), true) = (&outcome, args.json) {
        ui.result(report::failure_as_json(failure, &made.list()));
    }
    outcome
}

/// Ctrl-C, or being told to stop.
async fn interruption() -> Outcome {
    let failed = |error| Failure::new("failed to listen for Ctrl-C").because(&error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(Exit::Interrupted)
}

async fn act(
    args: &DeployArgs,
    settings: Settings,
    package: &Package,
    ui: &Ui,
    made: &Made,
) -> Outcome {
    let http = Http::new()?;
    let credentials = Credentials::find(&http, args.impersonate_service_account.as_deref()).await?;
    let project = settings
        .project
        .clone()
        .or_else(|| credentials.project().map(str::to_owned));
    let project = project.ok_or_else(|| {
        Failure::new("no project is given").hint("mcpo deploy REGION --project my-project, or project = \"…\" in [package.metadata.mcpo]")
    })?;
    let google = Google::new(http, credentials);
    let (number, disabled) =
        plan::project(&google, &project, &plan::apis(args.remote_build)).await?;
    let names = Names::new(&settings, &project, number);
    check_host(&names)?;
    let context = Context {
        google,
        settings,
        names,
        ui,
        made,
    };
    if args.status {
        verbs::status(&context, args.json).await
    } else if args.logs {
        logs::print(&context, args.follow, args.json).await
    } else if args.promote {
        verbs::promote(&context).await
    } else if let Some(revision) = &args.rollback {
        verbs::rollback(&context, revision).await
    } else if args.delete {
        verbs::delete(&context, args.yes, &disabled).await
    } else {
        deploy(args, &context, package, disabled).await
    }
}

/// The address's first part has to fit into a name.
fn check_host(names: &Names) -> Outcome<()> {
    let host = names.host();
    let label = host.split('.').next().unwrap_or_default();
    if label.len() <= 63 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the address {host} would begin with {} characters, and 63 are allowed",
        label.len()
    ))
    .hint("choose a shorter name with --service"))
}

async fn deploy(
    args: &DeployArgs,
    context: &Context<'_>,
    package: &Package,
    disabled: Vec<&'static str>,
) -> Outcome {
    let began = Instant::now();
    let wanted = Wanted {
        share: share(args),
        tag: args.tag.clone(),
    };
    let target = Target::choose().await.ok_or_else(build::unbuildable)?;
    // Looking takes no longer than building, and a right that is missing shows before the build.
    let seen = plan::observe(&context.google, &context.settings, &context.names, disabled).await?;
    check_owner(args, context, &seen)?;
    let building = Instant::now();
    let executable = build::build(package, target, context.ui).await?;
    let built = building.elapsed();
    let image = Image::pack(&executable)?;
    let registry = Registry::new(&context.google, &context.names);
    let reference = registry.reference(&image.manifest.digest);
    let is_there = seen.has_repository && registry.has(&image.manifest.digest).await?;
    let state = ImageState::Known {
        reference: &reference,
        is_there,
    };
    let plan = Plan::make(&context.settings, &context.names, &seen, state, &wanted)?;
    report::plan(context.ui, context, &plan);
    if args.dry_run {
        let pending = !plan.is_empty();
        let outcome = if pending {
            "changes pending"
        } else {
            "nothing to do"
        };
        if args.json {
            context
                .ui
                .result(report::plan_as_json(context, &plan, outcome));
        } else {
            context.ui.result(outcome);
        }
        return Ok(if pending {
            Exit::ChangesPending
        } else {
            Exit::Success
        });
    }
    if plan.is_empty() {
        return finish(args, context, &plan, &seen, None).await;
    }
    let released = carry_out(context, &plan, &seen, &image, &reference, &wanted).await?;
    let own = began.elapsed().saturating_sub(built);
    context.ui.step(
        "Released",
        format_args!("{} after {}", released.revision, report::seconds(own)),
    );
    finish(args, context, &plan, &seen, Some(released)).await
}

const fn share(args: &DeployArgs) -> Share {
    match (args.no_traffic, args.canary) {
        (true, _) => Share::Nothing,
        (false, Some(percent)) => Share::Percent(percent),
        (false, None) => Share::Everything,
    }
}

/// A service that somebody else made is not overwritten by accident.
fn check_owner(args: &DeployArgs, context: &Context<'_>, seen: &Observed) -> Outcome<()> {
    let Some(service) = &seen.service else {
        return Ok(());
    };
    if args.adopt || service["labels"][plan::LABEL.0] == plan::LABEL.1 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "there is a service {} in {} that mcpo did not make",
        context.names.service_id, context.names.region
    ))
    .hint("choose another name with --service, or take it over with --adopt"))
}

async fn carry_out(
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
    image: &Image,
    reference: &str,
    wanted: &Wanted,
) -> Outcome<release::Released> {
    release::enable(context, &plan.apis).await?;
    let push = async {
        release::repository(context, plan).await?;
        if plan.pushes {
            push(context, image).await?;
        }
        Ok(())
    };
    let (versions, ()) = tokio::try_join!(release::identity_and_state(context, plan), push)?;
    let versions = all_versions(context, seen, &versions);
    release::release(context, seen.service.as_ref(), reference, &versions, wanted).await
}

/// The versions that were there, and those that were made.
fn all_versions(
    context: &Context<'_>,
    seen: &Observed,
    made: &[(String, String, String)],
) -> Versions {
    let mut versions = Versions::default();
    for setting in &context.settings.secrets {
        let id = context.names.secret_of(setting);
        if let Some((version, _)) = seen
            .secrets
            .get(&id)
            .and_then(|secret| secret.latest.clone())
        {
            versions.set(&setting.variable, &id, &version);
        }
    }
    for (variable, id, version) in made {
        versions.set(variable, id, version);
    }
    versions
}

async fn push(context: &Context<'_>, image: &Image) -> Outcome<()> {
    let began = Instant::now();
    let size = image.layer.bytes.len();
    let progress = context.ui.bar("pushing", size as u64);
    let registry = Registry::new(&context.google, &context.names);
    let pushed = registry.push(image, &progress).await;
    progress.finish_and_clear();
    let uploaded = pushed?;
    context.made.add(format!(
        "image {}",
        registry.reference(&image.manifest.digest)
    ));
    let mebibytes = uploaded as f64 / f64::from(1 << 20);
    context.ui.step(
        "Pushed",
        format_args!("{mebibytes:.1} MiB in {}", report::seconds(began.elapsed())),
    );
    Ok(())
}

/// Verifies, and tells what is left to a person.
async fn finish(
    args: &DeployArgs,
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
    released: Option<release::Released>,
) -> Outcome {
    let names = &context.names;
    let url = format!("{}/mcp", names.base_url(&context.settings));
    if released.is_none() {
        context.ui.step(
            "Unchanged",
            format_args!("{} is as it should be; nothing to do", names.service_id),
        );
    }
    let is_reachable = !context.settings.is_private && !matches!(share(args), Share::Nothing);
    if !args.no_verify && is_reachable && released.is_some() {
        verify::verify(context).await?;
        context.ui.step("Verified", &url);
    }
    let password = plan
        .secrets
        .iter()
        .find(|secret| secret.variable == settings::PASSWORD && secret.is_new);
    let password = password.filter(|_| context.settings.sign_in == settings::SignIn::MadePassword);
    if args.json {
        let mut summary = report::plan_as_json(
            context,
            plan,
            if released.is_some() {
                "deployed"
            } else {
                "unchanged"
            },
        );
        summary["revision"] = released
            .as_ref()
            .map(|released| released.revision.clone())
            .into();
        summary["password_secret"] = password.map(|secret| secret.id.clone()).into();
        context.ui.result(summary);
        return Ok(Exit::Success);
    }
    if let Some(password) = password {
        context
            .ui
            .say("\nWhoever connects is asked for this password. It is shown once:\n");
        context
            .ui
            .say(format_args!("  {}\n", password.value.expose()));
        context.ui.say(format_args!(
            "It is kept in Secret Manager as {}.",
            password.id
        ));
    }
    if seen.service.is_none() {
        report::next_steps(context.ui, &names.service_id);
    }
    context.ui.result(&url);
    Ok(Exit::Success)
}
