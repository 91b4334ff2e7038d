//! The templates: valid for both engines, and what they make builds, without warnings.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod both_engines;
mod builds;
mod manifests;
mod readme;
