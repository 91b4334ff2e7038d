// The sign-in of each client as a sequence diagram: an arrow for each request, from the client or
// the browser to the server.

const MAX_STEPS = 200;
const PAGES = ["authorization", "sign-in", "consent", "callback"];

function showRequest(event) {
  if (event.self_test) return;
  // After the sign-in, only refused calls are part of the flow.
  if (event.step === "mcp" && event.status < 400) return;
  const isBrowser = event.browser || PAGES.includes(event.step);
  const from = isBrowser ? "browser" : "client";
  const arrow = element(
    "div",
    { className: "arrow" },
    element("b", {}, `${event.method} ${event.step}`),
    " ",
    element("span", {}, `${event.client}: ${event.status} in ${event.milliseconds} ms`),
  );
  const step = element("li", { className: `step ${from}` }, arrow);
  step.setAttribute("aria-label", `${event.client}, from the ${from} to the server: ${event.method} ${event.step}, ${event.status}`);
  // A 401 of /mcp begins the flow, and is no error.
  if (event.status >= 400 && !(event.step === "mcp" && event.status === 401)) {
    step.classList.add("refused");
  }
  addEntry(byId("flow"), step, MAX_STEPS);
}

function showStopped(event) {
  const causes = event.causes.map((cause) => ` Perhaps: ${cause}.`).join("");
  const text = `${event.client} stopped after ${event.step} (${event.status}); next: ${event.next}.${causes}`;
  addEntry(byId("flow"), element("li", { className: "note bad" }, text), MAX_STEPS);
}

function showServer(text, isBad) {
  byId("server").textContent = text;
  const className = isBad ? "note bad" : "note";
  addEntry(byId("flow"), element("li", { className }, text), MAX_STEPS);
}
