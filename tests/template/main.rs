//! The templates: valid for both engines, and what they make builds, without warnings.

mod both_engines;
mod builds;
mod manifests;
