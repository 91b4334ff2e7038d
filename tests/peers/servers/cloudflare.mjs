// Cloudflare's workers-oauth-provider outside of Workers. The two things that Workers provide, a
// base class and a key-value namespace, are replaced here. Arguments: the port.

import { createServer } from "node:http";
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== "cloudflare:workers") return next(specifier, context);
    const source = "export class WorkerEntrypoint { constructor(ctx, env) { Object.assign(this, { ctx, env }); } }";
    return { url: `data:text/javascript,${encodeURIComponent(source)}`, shortCircuit: true };
  },
});
const { OAuthProvider } = await import("@cloudflare/workers-oauth-provider");
const { McpServer } = await import("@modelcontextprotocol/sdk/server/mcp.js");
const { WebStandardStreamableHTTPServerTransport } = await import(
  "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
);

const port = Number(process.argv[2]);

class Namespace {
  entries = new Map();
  async get(key, options) {
    const text = this.entries.get(key);
    const json = options === "json" || options?.type === "json";
    return text === undefined ? null : json ? JSON.parse(text) : text;
  }
  async put(key, value) {
    this.entries.set(key, value);
  }
  async delete(key) {
    this.entries.delete(key);
  }
  async list({ prefix = "" } = {}) {
    const keys = [...this.entries.keys()].filter((name) => name.startsWith(prefix));
    return { keys: keys.map((name) => ({ name })), list_complete: true };
  }
}

const api = {
  async fetch(request) {
    const server = new McpServer({ name: "peer", version: "1.0.0" });
    server.registerTool("greet", { description: "Greet." }, () => ({
      content: [{ type: "text", text: "Hello!" }],
    }));
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    return transport.handleRequest(request);
  },
};

const pages = {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== "/authorize") return new Response("Nothing.", { status: 404 });
    const asked = await env.OAUTH_PROVIDER.parseAuthRequest(request);
    const { redirectTo } = await env.OAUTH_PROVIDER.completeAuthorization({
      request: asked, userId: "somebody", scope: asked.scope, metadata: {}, props: {},
    });
    return Response.redirect(redirectTo, 302);
  },
};

const provider = new OAuthProvider({
  apiRoute: "/mcp",
  apiHandler: api,
  defaultHandler: pages,
  authorizeEndpoint: "/authorize",
  tokenEndpoint: "/token",
  clientRegistrationEndpoint: "/register",
  resourceMetadata: { resource: `http://127.0.0.1:${port}/mcp` },
});
const env = { OAUTH_KV: new Namespace() };

createServer(async (incoming, outgoing) => {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const request = new Request(`http://127.0.0.1:${port}${incoming.url}`, {
    method: incoming.method,
    headers: incoming.headers,
    body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
  });
  const pending = [];
  const context = { waitUntil: (work) => pending.push(work), props: {} };
  // Workers respond like this to uncaught errors.
  const failed = () => new Response("Error 1101", { status: 500 });
  const answer = await provider.fetch(request, env, context).catch(failed);
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  outgoing.end(Buffer.from(await answer.arrayBuffer()));
  await Promise.allSettled(pending);
}).listen(port, "127.0.0.1");
