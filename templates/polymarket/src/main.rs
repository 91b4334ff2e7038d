//! {{project_name}}: an MCP server for Polymarket.

mod card;
mod gamma;
mod market;

use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};

use self::{
    gamma::Gamma,
    market::{Market, Markets},
};

/// The topic of `get_hormuz_markets`: open markets whose question contains one of these words.
/// Replace them with your own.
const THESIS: [&str; 7] = [
    "iran", "hormuz", "wti", "oil", "militar", "sanction", "crude",
];

/// The server. State that tools share goes into fields.
struct Server {
    gamma: Gamma,
}

impl Server {
    fn new(gamma: Gamma) -> Self {
        Self { gamma }
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Search {
    /// A word that the question must contain.
    keyword: String,
    /// The maximum number of markets; the default is 20.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct BySlug {
    /// The last part of the market's URL, such as "will-wti-close-above-100".
    slug: String,
}

#[tool_router]
impl Server {
    /// List open markets about Iran, the Strait of Hormuz, oil and sanctions, most traded first.
    #[tool(
        title = "List markets about the Strait of Hormuz",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn get_hormuz_markets(&self) -> Result<Json<Markets>, String> {
        let open = self.gamma.open(100).await?;
        Ok(Json(Markets::about(&open, &THESIS, usize::MAX)))
    }

    /// List open markets whose question contains a keyword, most traded first.
    #[tool(
        title = "Search markets",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn search_markets(
        &self,
        Parameters(search): Parameters<Search>,
    ) -> Result<Json<Markets>, String> {
        let open = self.gamma.open(200).await?;
        let limit = search.limit.unwrap_or(20);
        Ok(Json(Markets::about(&open, &[search.keyword.trim()], limit)))
    }

    /// Get one market, open or closed, by the slug in its URL.
    #[tool(
        title = "Get a market",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn get_market_by_slug(
        &self,
        Parameters(by): Parameters<BySlug>,
    ) -> Result<Json<Market>, String> {
        let slug = by.slug.trim();
        let found = self.gamma.by_slug(slug).await?;
        found
            .map(Json)
            .ok_or_else(|| format!("Polymarket has no market with the slug {slug:?}"))
    }
}

fn main() -> std::process::ExitCode {
    let gamma = Gamma::new("https://gamma-api.polymarket.com");
    mcpo_runtime::serve(Server::new(gamma))
}

#[cfg(test)]
mod tests;
