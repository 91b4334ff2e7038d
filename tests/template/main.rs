//! The templates: both engines can render them, and the projects build without warnings.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod both_engines;
mod builds;
mod manifests;
mod readme;
