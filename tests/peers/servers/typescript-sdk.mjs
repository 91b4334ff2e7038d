// The TypeScript SDK's authorization router, bearer check and transport, with the provider of its
// examples. Arguments: the port.

import { DemoInMemoryAuthProvider } from "@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { z } from "zod";

const port = Number(process.argv[2]);
const base = new URL(`http://127.0.0.1:${port}`);
const resourceServerUrl = new URL("/mcp", base);
const provider = new DemoInMemoryAuthProvider();

function server() {
  const server = new McpServer({ name: "peer", version: "1.0.0" });
  server.registerTool(
    "greet",
    { description: "Greet someone by name.", inputSchema: { name: z.string() } },
    ({ name }) => ({ content: [{ type: "text", text: `Hello, ${name}!` }] }),
  );
  server.registerResource("motto", "peer://motto", {}, (uri) => ({
    contents: [{ uri: uri.href, text: "be liberal in what you accept" }],
  }));
  return server;
}

const app = express();
app.use(express.json());
app.use(mcpAuthRouter({ provider, issuerUrl: base, resourceServerUrl, scopesSupported: ["mcp:tools"] }));
const bearer = requireBearerAuth({
  verifier: provider,
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resourceServerUrl),
});
app.post("/mcp", bearer, async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on("close", () => transport.close());
  await server().connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.listen(port, "127.0.0.1");
