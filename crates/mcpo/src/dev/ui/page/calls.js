// The tool calls, the latest one first.

const MAX_CALLS = 100;
const OUTCOMES = {
  ok: "ok",
  tool_error: "the tool returned an error",
  error: "the call failed",
  input_required: "asks for input",
  task: "continues as a task",
  other: "returned something unknown",
};

function showCall(event) {
  const isBad = event.outcome === "tool_error" || event.outcome === "error";
  const who = event.name ? `${event.client} as ${event.name}` : event.client;
  const entry = element(
    "li",
    { className: "call" },
    element("h3", {}, event.tool),
    element(
      "p",
      {},
      `by ${who} in ${event.time}: `,
      element("span", { className: isBad ? "bad" : "good" }, OUTCOMES[event.outcome] ?? event.outcome),
    ),
    element("pre", { tabIndex: 0, "aria-label": "arguments" }, pretty(event.arguments)),
    element("pre", { tabIndex: 0, "aria-label": "result" }, pretty(event.result)),
  );
  const list = byId("calls");
  list.prepend(entry);
  while (list.children.length > MAX_CALLS) list.lastElementChild.remove();
  byId("calls-empty").hidden = true;
}
