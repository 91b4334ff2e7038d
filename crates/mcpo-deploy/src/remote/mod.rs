//! Builds remotely: uploads the source to a bucket and builds the image with Cloud Build.

mod dockerfile;
mod source;
mod upload;

use std::time::{Duration, Instant};

use mcpo_common::error::{Exit, Failure, Outcome};

pub use self::{
    dockerfile::text as dockerfile,
    source::{Source, pack},
};
use crate::{
    bucket,
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            BuildOperation,
            run::{DockerBuild, StorageSource, SubmitBuildRequest, SubmitBuildResponse},
        },
        method, outcome,
    },
    logs,
    registry::{Registry, SOURCE_TAG},
    report::seconds,
};

const BUILD_TIMEOUT: Duration = Duration::from_secs(40 * 60);
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long uploaded source is kept, in days; it is not needed after its build.
const SOURCE_DAYS: u32 = 7;

/// Returns the image's tag, which contains the hash of its source.
pub fn tag(source: &Source) -> String {
    format!("{SOURCE_TAG}{}", source.hash)
}

/// Returns the digest of the image built from this source, or `None` if there is none.
pub async fn find(context: &Context<'_>, source: &Source) -> Outcome<Option<String>> {
    Registry::new(&context.google, &context.names)
        .digest_of(&tag(source))
        .await
}

/// Uploads the source, builds the image, and returns its digest.
pub async fn build(context: &Context<'_>, source: Source) -> Outcome<String> {
    let began = Instant::now();
    let folder = context.names.bucket("source");
    bucket::make(context, "source", SOURCE_DAYS).await?;
    let object = format!("{}.tar.gz", source.hash);
    let found = context
        .google
        .exists(
            &method::OBJECT_GET,
            &format!("storage/v1/b/{folder}/o/{object}"),
        )
        .await;
    if !found.during("failed to find the source")? {
        let progress = context.ui.bar("uploading", source.bytes.len() as u64);
        let done = upload::upload(
            context,
            &folder,
            &object,
            source.bytes.clone().into(),
            &progress,
        )
        .await;
        progress.finish_and_clear();
        done?;
        context.ui.step(
            "Uploaded",
            format_args!("{} files in {}", source.files, seconds(began.elapsed())),
        );
    }
    let operation = submit(context, &folder, &object, &source).await?;
    follow(context, operation).await?;
    context.ui.step(
        "Built",
        format_args!("with Cloud Build, in {}", seconds(began.elapsed())),
    );
    let digest = find(context, &source).await?;
    digest
        .ok_or_else(|| Failure::new("the build has finished, but its image is not in the registry"))
}

async fn submit(
    context: &Context<'_>,
    bucket: &str,
    object: &str,
    source: &Source,
) -> Outcome<BuildOperation> {
    let names = &context.names;
    let image = format!("{}/{}:{}", names.registry(), names.image(), tag(source));
    let body = SubmitBuildRequest {
        image_uri: image,
        storage_source: StorageSource { bucket, object },
        docker_build: DockerBuild {},
        client: "mcpo",
    };
    let path = format!("v2/{}/builds:submit", names.location());
    let request = Request::with_body(&path, &body);
    let submitted = context.google.call(&method::BUILD_SUBMIT, request).await;
    let submitted: SubmitBuildResponse = submitted.during("failed to start the build")?;
    Ok(submitted.build_operation)
}

/// Waits for the build and prints its log.
async fn follow(context: &Context<'_>, mut running: BuildOperation) -> Outcome<()> {
    let began = Instant::now();
    let progress = context.ui.spinner("building with Cloud Build".to_owned());
    let mut printed = 0;
    let name = running.operation.name.clone();
    loop {
        let build = &running.metadata.build.id;
        if !build.is_empty() {
            // The log is informational; errors in reading it do not fail the build.
            let entries = logs::of_build(context, build).await.unwrap_or_default();
            for entry in entries.iter().skip(printed) {
                progress.suspend(|| context.ui.say(format_args!("  {}", logs::line(entry))));
            }
            printed = printed.max(entries.len());
        }
        if running.operation.done {
            progress.finish_and_clear();
            return outcome(running.operation)
                .map_err(|google_error| failure(context, google_error));
        }
        if began.elapsed() > BUILD_TIMEOUT {
            progress.finish_and_clear();
            return Err(failure(
                context,
                GoogleError::TimedOut(BUILD_TIMEOUT.as_secs()),
            ));
        }
        tokio::time::sleep(if printed == 0 {
            POLL_INTERVAL / 4
        } else {
            POLL_INTERVAL
        })
        .await;
        let looked = context
            .google
            .get(&method::BUILD_OPERATION, &format!("v1/{name}"))
            .await;
        running = looked.during("failed to read the state of the build")?;
    }
}

fn failure(context: &Context<'_>, google_error: GoogleError) -> Failure {
    google_error
        .into_failure("the remote build failed")
        .hint(format!(
            "for the log, see https://console.cloud.google.com/cloud-build/builds?project={}",
            context.names.project
        ))
        .exit_with(Exit::CouldNotRun)
}
