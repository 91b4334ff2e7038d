use rmcp::{
    RoleServer, model::ProgressNotificationParam, service::RequestContext, tool, tool_router,
};
use serde_json::{Value, json};

use super::Served;

struct Server;

/// Reports that `done` of `total` steps are done, if the client asked for progress.
async fn report(context: &RequestContext<RoleServer>, done: u32, total: u32) {
    let Some(token) = context.meta.get_progress_token() else {
        return;
    };
    let progress = ProgressNotificationParam::new(token, f64::from(done))
        .with_total(f64::from(total))
        .with_message(format!("Step {done} of {total}"));
    // The client may be gone; the call then ends as well.
    let _ = context.peer.notify_progress(progress).await;
}

#[tool_router(server_handler)]
impl Server {
    /// Import all files.
    #[tool]
    async fn import(&self, context: RequestContext<RoleServer>) -> String {
        for step in 1..=2 {
            tokio::task::yield_now().await; // the work
            report(&context, step, 2).await;
        }
        "Imported 2 files.".into()
    }
}

#[tokio::test]
async fn cookbook_progress_comes_before_the_result() {
    let served = Served::start(Server).await;
    let params =
        json!({ "name": "import", "arguments": {}, "_meta": { "progressToken": "the-token" } });
    let request = served.post("tools/call", "import", &params);
    let events = request.send().await.unwrap().text().await.unwrap();
    let data = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let messages: Vec<Value> = data
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let progress = |step: u32| {
        json!({ "progressToken": "the-token", "progress": f64::from(step), "total": 2.0,
                "message": format!("Step {step} of 2") })
    };
    assert_eq!(messages[0]["params"], progress(1));
    assert_eq!(messages[1]["params"], progress(2));
    assert_eq!(
        messages[2]["result"]["content"][0]["text"],
        "Imported 2 files."
    );
}
