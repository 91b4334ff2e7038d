//! Reads what the server says about itself, for its pages.

use mcpo_runtime_oauth::pages::{Logo, ServerCard, id_of};
use rmcp::{ServerHandler as _, model::Icon};

use super::erased::{RMCP_DEFAULT_NAME, SharedHandler};

/// The longest description that pages show, in characters.
const MAX_DESCRIPTION_CHARS: usize = 500;

/// Returns the card of the server. `title` is the name that the owner has configured for users.
pub(crate) fn card(handler: &SharedHandler, title: Option<&str>) -> ServerCard {
    let info = handler.get_info().server_info;
    // A server that does not name itself has the name and the version of rmcp.
    let is_named = info.name != RMCP_DEFAULT_NAME;
    let name = if is_named { info.name } else { handler.title() };
    let description = info.description.map(|text| text.trim().to_owned());
    let description = description.filter(|text| !text.is_empty());
    ServerCard {
        title: title.map_or_else(|| handler.title(), str::to_owned),
        id: id_of(&name),
        version: is_named.then_some(info.version),
        description: description.map(|text| text.chars().take(MAX_DESCRIPTION_CHARS).collect()),
        icon: info.icons.iter().flatten().find_map(embedded),
    }
}

/// Returns the picture of an icon that is a data URL.
fn embedded(icon: &Icon) -> Option<Logo> {
    Logo::from_data_url(&icon.src).ok()
}

#[cfg(test)]
mod tests {
    use rmcp::{
        ServerHandler,
        model::{Implementation, ServerCapabilities, ServerConfig},
    };

    use super::*;

    struct Server(Implementation);

    impl ServerHandler for Server {
        fn get_info(&self) -> ServerConfig {
            ServerConfig::new(ServerCapabilities::default()).with_server_info(self.0.clone())
        }
    }

    #[test]
    fn the_card_has_the_first_embedded_icon_and_no_version_of_rmcp() {
        let icons = [
            "https://a.example/icon.png",
            "data:image/png,not-a-picture",
            "data:image/svg+xml,%3Csvg/%3E",
        ];
        let named = Implementation::new("Acme Tools", "1.2.3")
            .with_description(" Sells anvils. ")
            .with_icons(icons.map(Icon::new).to_vec());
        let named = card(&SharedHandler::new(Server(named)), Some("ACME"));
        assert_eq!((&*named.title, &*named.id), ("ACME", "acme-tools"));
        assert_eq!(named.version.as_deref(), Some("1.2.3"));
        assert_eq!(named.description.as_deref(), Some("Sells anvils."));
        let shown = format!("{:?}", named.icon.unwrap());
        assert!(shown.contains("image/svg+xml"), "{shown}");

        let default = Implementation::from_build_env();
        let unnamed = card(&SharedHandler::new(Server(default)), None);
        assert_eq!((unnamed.version, unnamed.icon), (None, None));
        assert_ne!(unnamed.id, RMCP_DEFAULT_NAME);
    }
}
