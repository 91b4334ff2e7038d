// Connects the page to the events of mcpo dev.

const HANDLERS = {
  request: showRequest,
  "client stopped": showStopped,
  "tool called": showCall,
  ready: (event) => serverIsReady("The server started", event),
  reloaded: (event) => serverIsReady(`Reloaded ${event.files.join(", ")}`, event),
  "build failed": () => showServer("The build failed; the terminal shows why.", true),
  "not swapped": (event) => showServer(`The new server did not take over: ${event.because}.`, true),
  crashed: (event) => showServer(`The server stopped (${event.how}).`, true),
  // The events since the start have been sent again.
  replayed: () => {
    toolList.isReplaying = false;
    if (toolList.isStale) refreshTools();
  },
  missed: (event) => showServer(`${event.events} events were too fast for this page.`, true),
  stopped: () => showServer("mcpo dev has stopped.", true),
};

function serverIsReady(text, event) {
  showServer(`${text} in ${event.milliseconds} ms. Tools: ${event.tools.join(", ") || "none"}`, false);
  refreshTools();
}

function connect() {
  const events = new EventSource("events");
  events.addEventListener("open", () => {
    // The events since the start are sent again.
    toolList.isReplaying = true;
    for (const id of ["flow", "calls"]) byId(id).replaceChildren();
    byId("connection").textContent = "Live";
  });
  events.addEventListener("error", () => {
    byId("connection").textContent = "Disconnected. Is mcpo dev still running?";
  });
  events.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    HANDLERS[event.event]?.(event);
  });
}

byId("form").addEventListener("submit", callTool);
byId("tool").addEventListener("change", showFields);
byId("as-json").addEventListener("change", toggleJson);
connect();
