use rmcp::{tool, tool_router};
use serde_json::json;
use tokio::sync::OnceCell;

use super::Served;

/// Has the methods of `sqlx::PgPool` that the page uses.
struct PgPool {
    url: String,
}

impl PgPool {
    async fn connect(url: &str) -> Result<Self, std::io::Error> {
        tokio::task::yield_now().await;
        Ok(Self { url: url.into() })
    }
}

struct Server {
    url: String,
    pool: OnceCell<PgPool>,
}

impl Server {
    /// Returns the pool. The first call connects, and calls at the same time wait for it. After an
    /// error, the next call tries again.
    async fn pool(&self) -> Result<&PgPool, String> {
        let connect = || PgPool::connect(&self.url);
        let pool = self.pool.get_or_try_init(connect).await;
        pool.map_err(|error| format!("the database is unreachable: {error}"))
    }
}

#[tool_router(server_handler)]
impl Server {
    /// Say which database is used.
    #[tool]
    async fn database(&self) -> Result<String, String> {
        Ok(self.pool().await?.url.clone())
    }
}

#[tokio::test]
async fn cookbook_pool_connects_at_the_first_call() {
    let served = Served::start(Server {
        url: "postgres://localhost/notes".into(),
        pool: OnceCell::new(),
    })
    .await;
    let text = served.text("database", &json!({})).await;
    assert_eq!(text, "postgres://localhost/notes");
}
