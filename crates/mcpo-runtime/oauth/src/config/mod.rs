//! The configuration. It is read once at startup, and all mistakes are reported together.

mod brand;
mod environment;
mod open_access;
mod server_settings;
mod settings;

pub(crate) use self::settings::{GivenStore, StoreChoice};
pub use self::{server_settings::ServerSettings, settings::Config};
