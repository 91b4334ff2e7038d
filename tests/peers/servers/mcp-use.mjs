// mcp-use without authentication. Argument: the port.

import { MCPServer } from "mcp-use";
import { z } from "zod";

const server = new MCPServer({ name: "peer", title: "Peer", version: "1.0.0" });
server.tool(
  {
    name: "get-weather",
    title: "Get weather",
    description: "Returns the current weather of a city in degrees Celsius.",
    inputSchema: z.object({ city: z.string().describe("The name of the city.") }),
    outputSchema: z.object({ temperature: z.number() }),
    annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: true },
  },
  async () => ({
    content: [{ type: "text", text: "22 °C" }],
    structuredContent: { temperature: 22 },
  }),
);
await server.listen(Number(process.argv[2]), { host: "127.0.0.1" });
