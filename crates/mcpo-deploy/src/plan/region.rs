//! Asks Google about a region that this version of mcpo does not know.

use mcpo_common::{
    error::{Failure, Outcome},
    ui::Ui,
};

use crate::{
    google::{ErrorContext as _, Google, GoogleError, api::run::ListLocationsResponse, method},
    settings::nearest_region,
};

/// Fails if Cloud Run has no such region. Warns if Google cannot be asked, because the API is not
/// enabled yet or the caller may not list regions.
pub async fn check(
    google: &Google,
    project: &str,
    region: &str,
    disabled: &[&str],
    ui: &Ui,
) -> Outcome<()> {
    let is_enabled = !disabled.iter().any(|api| api.starts_with("run."));
    let listed = if is_enabled {
        list(google, project)
            .await
            .during("failed to list the regions of Cloud Run")?
    } else {
        None
    };
    let Some(regions) = listed else {
        ui.warn(format_args!(
            "the region {region} is newer than this version of mcpo, or does not exist; Google will check it"
        ));
        return Ok(());
    };
    if regions.iter().any(|known| known == region) {
        return Ok(());
    }
    let names: Vec<_> = regions.iter().map(String::as_str).collect();
    let failure = Failure::new(format!("Cloud Run has no region {region:?}"));
    Err(match nearest_region(region, &names) {
        Some((_, near)) => failure.hint(format!("did you mean {near}?")),
        None => failure,
    })
}

/// Returns `None` if the caller may not list regions.
async fn list(google: &Google, project: &str) -> Result<Option<Vec<String>>, GoogleError> {
    let path = format!("v1/projects/{project}/locations");
    let listed = google
        .list::<ListLocationsResponse>(&method::LOCATIONS_LIST, &path)
        .await;
    let listed = match listed {
        Err(error) if error.is_forbidden() => return Ok(None),
        listed => listed?,
    };
    let ids = listed.into_iter().map(|location| location.location_id);
    Ok(Some(ids.collect()))
}
