// Vercel's mcp-handler without authentication. Argument: the port.

import { createServer } from "node:http";

import { createMcpHandler } from "mcp-handler";
import { z } from "zod";

const handler = createMcpHandler((server) => {
  server.registerTool(
    "roll_dice",
    {
      title: "Roll a die",
      description: "Rolls a die with this many sides, and returns the number on top.",
      inputSchema: z.object({ sides: z.number().int().min(2).describe("The number of sides.") }),
    },
    async ({ sides }) => ({ content: [{ type: "text", text: `${sides}` }] }),
  );
});

const port = Number(process.argv[2]);
createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname !== "/mcp") return response.writeHead(404).end();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const { method, headers } = request;
  const url = `http://127.0.0.1:${port}${request.url}`;
  const answer = await handler(new Request(url, { method, headers, body }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  for await (const chunk of answer.body ?? []) response.write(chunk);
  response.end();
}).listen(port, "127.0.0.1");
