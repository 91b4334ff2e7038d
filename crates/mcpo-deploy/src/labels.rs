//! The labels that mcpo sets on Google Cloud resources, to recognize what it created.

use crate::google::api::Labels;

/// The label that marks all resources managed by mcpo.
pub const LABEL: (&str, &str) = ("managed-by", "mcpo");
/// The label that ties a secret to its service. The name alone is ambiguous: it can match another
/// service as well.
pub const SERVICE_LABEL: &str = "mcpo-service";
pub const REGION_LABEL: &str = "mcpo-region";
/// The label that ties a revision or a secret to the preview that it was made for; its value is the
/// preview's tag.
pub const PREVIEW_LABEL: &str = "mcpo-preview";
/// The label that records whether the user has seen a generated password.
pub const SHOWN_LABEL: &str = "mcpo-shown";
/// The label's value before the password is shown; afterwards it is [`SHOWN`].
pub const NOT_SHOWN: &str = "no";
pub const SHOWN: &str = "yes";

/// Returns true if mcpo manages the resource with these labels.
pub fn are_ours(labels: &Labels) -> bool {
    labels.get(LABEL.0).is_some_and(|value| value == LABEL.1)
}
