//! Deploys and deletes previews.

mod delete;
mod deploy;
mod remove;
mod report;

pub use self::{delete::delete, deploy::deploy};
