// The form to call a tool. Its fields are made from the JSON Schema of the tool.

const form = { tools: [], fields: new Map() };

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
  showFields();
}

function chosenTool() {
  return form.tools.find((tool) => tool.name === byId("tool").value);
}

function showFields() {
  const tool = chosenTool();
  const schema = tool?.inputSchema ?? {};
  const required = schema.required ?? [];
  byId("description").textContent = tool?.description ?? "";
  form.fields = new Map();
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
    const target = path.reduce((at, part) => at?.[part], schema);
    return { ...resolve(target, schema, depth + 1), ...property };
  }
  const alternatives = property.anyOf ?? property.oneOf;
  if (Array.isArray(alternatives)) {
    const first = alternatives.find((one) => one.type !== "null") ?? {};
    return { ...resolve(first, schema, depth + 1), ...property };
  }
  return property;
}

function typeOf(property) {
  const types = [property.type].flat().filter((type) => type !== "null");
  return types[0];
}

function makeField(name, property, isRequired) {
  const id = `field-${name}`;
  const type = typeOf(property);
  const initial = property.default;
  let control;
  let read;
  if (Array.isArray(property.enum)) {
    const options = property.enum.map((value) => element("option", { value: JSON.stringify(value) }, String(value)));
    if (!isRequired) options.unshift(element("option", { value: "" }, ""));
    control = element("select", { id }, ...options);
    if (initial !== undefined) control.value = JSON.stringify(initial);
    read = () => (control.value === "" ? undefined : JSON.parse(control.value));
  } else if (type === "boolean") {
    control = element("input", { id, type: "checkbox", checked: initial === true });
    read = () => (control.checked || isRequired || initial !== undefined ? control.checked : undefined);
  } else if (type === "integer" || type === "number") {
    control = element("input", { id, type: "number", step: type === "integer" ? "1" : "any" });
    if (property.minimum !== undefined) control.min = property.minimum;
    if (property.maximum !== undefined) control.max = property.maximum;
    control.value = initial ?? "";
    read = () => (control.value === "" ? undefined : Number(control.value));
  } else if (type === "array" || type === "object" || type === undefined) {
    control = element("textarea", { id, rows: 3, spellcheck: false });
    control.value = initial === undefined ? "" : JSON.stringify(initial);
    control.placeholder = "JSON";
    read = () => (control.value.trim() === "" ? undefined : JSON.parse(control.value));
  } else {
    control = element("input", { id, type: "text", autocomplete: "off" });
    control.value = initial ?? "";
    read = () => (control.value === "" && !isRequired ? undefined : control.value);
  }
  if (isRequired && type !== "boolean" && type !== "string") control.required = true;
  const parts = [element("label", { htmlFor: id }, isRequired ? `${name} (required)` : name), control];
  if (property.description) {
    control.setAttribute("aria-describedby", `${id}-hint`);
    parts.push(element("p", { id: `${id}-hint`, className: "hint" }, property.description));
  }
  return { control, read, parts };
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
  if (!byId("as-json").checked) return collect();
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

function toggleJson() {
  const isJson = byId("as-json").checked;
  if (isJson) byId("json").value = JSON.stringify(collect(false).values, null, 2);
  byId("fields").hidden = isJson;
  byId("json").hidden = !isJson;
  byId("json-label").hidden = !isJson;
}
