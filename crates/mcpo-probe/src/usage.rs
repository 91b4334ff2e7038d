//! What a client does with a server after the handshake, over any transport.

use crate::{
    check::{Log, Step},
    contract_check,
    mcp::{self, McpServer, NegotiatedVersion},
    plan::Plan,
};

/// Lists the tools, resources and prompts, and uses one of each. The inner result is that of the
/// steps after the list of tools: the probe can continue after their failures.
pub async fn use_server(
    plan: &Plan,
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    negotiated_version: &NegotiatedVersion,
) -> Step<Step<()>> {
    let wire_format = &negotiated_version.newest;
    let tools = mcp::list(peer, log, wire_format).await?;
    let arguments = plan.arguments.as_ref();
    let wanted = plan.tool.as_deref().map(|tool| (tool, arguments));
    // A failure in one of these steps does not affect the next steps.
    let called = mcp::call_one(peer, log, wire_format, &tools, wanted).await;
    let read = mcp::resources(peer, log, wire_format, &negotiated_version.capabilities).await;
    let got = mcp::prompts(peer, log, wire_format, &negotiated_version.capabilities).await;
    let kept = contract_check::check(plan, &peer.secrets(), log);
    let compared = mcp::compare(peer, log, negotiated_version.older.as_ref(), &tools).await;
    Ok(called.and(read).and(got).and(kept).and(compared))
}
