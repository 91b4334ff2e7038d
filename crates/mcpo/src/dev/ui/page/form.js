// The form to call a tool. Its fields are made from the JSON Schema of the tool.

const form = { tools: [], fields: new Map(), shown: undefined };

// Whether the list of tools is being fetched, and whether a server has started since.
const toolList = { isReplaying: true, isLoading: false, isStale: false };

// Fetches the tools of the current server: at most one fetch at a time, and none for the servers of
// the past whose events are sent again.
async function refreshTools() {
  toolList.isStale = true;
  if (toolList.isReplaying || toolList.isLoading) return;
  toolList.isLoading = true;
  while (toolList.isStale) {
    toolList.isStale = false;
    try {
      await loadTools();
    } catch (error) {
      showOutcome(String(error), true);
    }
  }
  toolList.isLoading = false;
}

async function loadTools() {
  const answer = await fetch("tools");
  const { tools, error } = answer.ok ? await answer.json() : { error: await answer.text() };
  const choice = byId("tool");
  const chosen = choice.value;
  form.tools = tools ?? [];
  choice.replaceChildren(...form.tools.map((tool) => element("option", { value: tool.name }, tool.name)));
  if (form.tools.some((tool) => tool.name === chosen)) choice.value = chosen;
  byId("send").disabled = form.tools.length === 0;
  if (error) showOutcome(error, true);
  // What the user has typed is kept if the tool is the same.
  if (JSON.stringify(chosenTool()) !== form.shown) showFields();
}

function chosenTool() {
  return form.tools.find((tool) => tool.name === byId("tool").value);
}

function showFields() {
  const tool = chosenTool();
  form.shown = JSON.stringify(tool);
  const schema = tool?.inputSchema ?? {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  byId("description").textContent = tool?.description ?? "";
  // If the schema cannot be used, no fields of another tool are left.
  form.fields = new Map();
  byId("fields").replaceChildren();
  const parts = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const field = makeField(name, resolve(property, schema), required.includes(name));
    form.fields.set(name, field);
    parts.push(...field.parts);
  }
  byId("fields").replaceChildren(...parts);
  if (byId("as-json").checked) byId("json").value = JSON.stringify(collect(false).values, null, 2);
}

// Follows a reference inside the schema, and takes the first alternative that is not null.
function resolve(property, schema, depth = 0) {
  if (depth > 8 || typeof property !== "object" || property === null) return {};
  if (typeof property.$ref === "string" && property.$ref.startsWith("#/")) {
    const path = property.$ref.slice(2).split("/");
    // The escapes of JSON Pointer (RFC 6901, section 4).
    const names = path.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const target = names.reduce((at, name) => at?.[name], schema);
    return { ...resolve(target, schema, depth + 1), ...property };
  }
  const alternatives = property.anyOf ?? property.oneOf;
  if (Array.isArray(alternatives)) {
    const first = alternatives.find((one) => one && one.type !== "null") ?? {};
    return { ...resolve(first, schema, depth + 1), ...property };
  }
  return property;
}

function typeOf(property) {
  const types = [property.type].flat().filter((type) => type !== "null");
  return types[0];
}

function makeField(name, property, isRequired) {
  // A name may contain spaces, which separate ids in `aria-describedby`.
  const id = `field-${form.fields.size}`;
  const type = typeOf(property);
  const initial = property.default;
  let control;
  let read;
  let write = (value) => {
    control.value = value ?? "";
  };
  if (Array.isArray(property.enum)) {
    const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
    const options = property.enum.map((value) => element("option", { value: JSON.stringify(value) }, shown(value)));
    if (!isRequired) options.unshift(element("option", { value: "" }, ""));
    control = element("select", { id }, ...options);
    write = (value) => {
      control.value = value === undefined ? "" : JSON.stringify(value);
    };
    if (initial !== undefined) write(initial);
    read = () => (control.value === "" ? undefined : JSON.parse(control.value));
  } else if (type === "boolean") {
    control = element("input", { id, type: "checkbox", checked: initial === true });
    write = (value) => {
      control.checked = value === true;
    };
    read = () => (control.checked || isRequired || initial !== undefined ? control.checked : undefined);
  } else if (type === "integer" || type === "number") {
    control = element("input", { id, type: "number", step: type === "integer" ? "1" : "any" });
    if (property.minimum !== undefined) control.min = property.minimum;
    if (property.maximum !== undefined) control.max = property.maximum;
    write(initial);
    read = () => (control.value === "" ? undefined : Number(control.value));
  } else if (type === "array" || type === "object" || type === undefined) {
    control = element("textarea", { id, rows: 3, spellcheck: false });
    write = (value) => {
      control.value = value === undefined ? "" : JSON.stringify(value);
    };
    write(initial);
    control.placeholder = "JSON";
    read = () => (control.value.trim() === "" ? undefined : JSON.parse(control.value));
  } else {
    control = element("input", { id, type: "text", autocomplete: "off" });
    write(initial);
    read = () => (control.value === "" && !isRequired ? undefined : control.value);
  }
  if (isRequired && type !== "boolean" && type !== "string") control.required = true;
  const parts = [element("label", { htmlFor: id }, isRequired ? `${name} (required)` : name), control];
  if (property.description) {
    control.setAttribute("aria-describedby", `${id}-hint`);
    parts.push(element("p", { id: `${id}-hint`, className: "hint" }, property.description));
  }
  return { control, read, write, parts };
}

// Returns the arguments in the fields. The problem names the first field that cannot be read.
function collect(isStrict = true) {
  const values = {};
  for (const [name, field] of form.fields) {
    try {
      const value = field.read();
      if (value !== undefined) values[name] = value;
    } catch (error) {
      if (isStrict) return { problem: `${name} is not JSON: ${error.message}`, field };
    }
  }
  return { values };
}

function collectArguments() {
  return byId("as-json").checked ? parseJson() : collect();
}

// Returns the arguments in the JSON text.
function parseJson() {
  const field = { control: byId("json") };
  try {
    const values = JSON.parse(byId("json").value);
    const isObject = typeof values === "object" && values !== null && !Array.isArray(values);
    return isObject ? { values } : { problem: "The arguments must be a JSON object.", field };
  } catch (error) {
    return { problem: `The arguments are not JSON: ${error.message}`, field };
  }
}

function showOutcome(text, isBad) {
  byId("outcome").replaceChildren(element("p", { className: isBad ? "bad" : "good" }, text));
}

async function callTool(submitted) {
  submitted.preventDefault();
  const tool = byId("tool").value;
  const { values, problem, field } = collectArguments();
  byId("result").hidden = true;
  if (problem) {
    showOutcome(problem, true);
    field.control.focus();
    return;
  }
  byId("send").disabled = true;
  showOutcome("Calling…", false);
  try {
    const answer = await fetch("call", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tool, arguments: values }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    const { ok, text, time } = await answer.json();
    showOutcome(ok ? `${tool} returned in ${time}` : `${tool} failed ${time && `in ${time}`}`, !ok);
    byId("result").textContent = pretty(text);
    byId("result").hidden = false;
  } catch (error) {
    showOutcome(`The call failed: ${error.message}`, true);
  } finally {
    byId("send").disabled = false;
  }
}

// Writes the JSON text into the fields. Returns what the fields cannot represent.
function fillFields() {
  const { values, problem } = parseJson();
  if (problem) return problem;
  for (const [name, field] of form.fields) field.write(values[name]);
  const shown = collect(false).values;
  const isLost = (name) => JSON.stringify(shown[name]) !== JSON.stringify(values[name]);
  const lost = Object.keys(values).filter(isLost);
  return lost.length > 0 ? `No field can show ${lost.join(", ")}.` : undefined;
}

function toggleJson() {
  const isJson = byId("as-json").checked;
  if (isJson) {
    byId("json").value = JSON.stringify(collect(false).values, null, 2);
  } else {
    const problem = fillFields();
    if (problem) {
      // The edits are kept.
      byId("as-json").checked = true;
      showOutcome(problem, true);
      return;
    }
  }
  byId("fields").hidden = isJson;
  byId("json").hidden = !isJson;
  byId("json-label").hidden = !isJson;
}
