//! Finds other images of the registry that already have the blobs, so that they need not be
//! uploaded.

use crate::{
    context::Context,
    google::{
        api::run::{ListServicesResponse, Service},
        method,
    },
    plan::Observed,
};

/// Trying more images than this takes longer than an upload.
const MAX_IMAGES: usize = 2;

/// Returns other images of this registry that have, or probably have, the blobs of the image
/// `digest`: the image that this service runs now, and those of services that run the same image.
pub async fn images(context: &Context<'_>, digest: &str, seen: &Observed) -> Vec<String> {
    let services = if seen.disabled.iter().any(|api| api.starts_with("run.")) {
        Vec::new()
    } else {
        let path = format!("v2/{}/services", context.names.location());
        let listed = context
            .google
            .list::<ListServicesResponse>(&method::SERVICES_LIST, &path);
        // Without the permission to list services, or on an error, the image is uploaded.
        listed.await.unwrap_or_default()
    };
    let same = services
        .iter()
        .flat_map(images_of)
        .filter(|image| image.ends_with(digest));
    let before = seen.service.iter().flat_map(images_of);
    let host = format!("{}/", context.names.registry());
    let own = context.names.image();
    let mut paths: Vec<String> = Vec::new();
    for image in same.chain(before) {
        let path = image
            .strip_prefix(&host)
            .and_then(|rest| rest.split(['@', ':']).next());
        if let Some(path) = path
            && path != own
            && !paths.iter().any(|known| known == path)
        {
            paths.push(path.to_owned());
        }
    }
    paths.truncate(MAX_IMAGES);
    paths
}

fn images_of(service: &Service) -> impl Iterator<Item = &str> {
    let containers = service.containers().iter();
    containers.map(|container| container.image.as_str())
}
