// Creates elements. Text is always set as text, never as markup.

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

// Adds an entry, and removes the oldest ones above the limit.
function addEntry(list, entry, limit) {
  list.append(entry);
  while (list.children.length > limit) list.firstElementChild.remove();
  const empty = byId(`${list.id}-empty`);
  if (empty) empty.hidden = true;
}

// Returns JSON text with indentation. A text that was cut off is returned as it is.
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
