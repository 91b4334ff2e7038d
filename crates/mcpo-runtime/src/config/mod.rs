//! The configuration. It is read once at startup, and all mistakes are reported together.

mod brand;
mod environment;
mod open_access;
mod settings;

pub use self::settings::Config;
pub(crate) use self::settings::{GivenStore, StoreChoice};
