// A minimal browser for the server's pages and those of oidc-provider. It keeps cookies, fills in
// the password, chooses Allow, and stops at the redirect to the client.

export async function signInAndAllow(authorizeUrl, { password, login = "ada", decision = "allow" } = {}) {
  const jars = new Map();
  const client = new URL(authorizeUrl).searchParams.get("redirect_uri");
  let response = await visit(authorizeUrl, { method: "GET" });
  let passwords = 0;
  for (let step = 0; step < 20; step += 1) {
    const location = response.headers.get("location");
    if (location) {
      const next = new URL(location, response.url).href;
      if (next.startsWith(client)) return next;
      response = await visit(next, { method: "GET" });
      continue;
    }
    const page = await response.text();
    if (response.status !== 200) throw new Error(`${response.status}: ${page}`);
    const action = attribute(page, /<form[^>]* action="([^"]*)"/);
    const fields = new URLSearchParams();
    for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      fields.set(attribute(input, /name="([^"]*)"/), attribute(input, /value="([^"]*)"/));
    }
    if (page.includes('name="login"')) {
      // The development pages of oidc-provider accept any login.
      fields.set("login", login);
      fields.set("password", "any");
    } else if (!fields.has("form")) {
      // The consent page of oidc-provider has only one button.
    } else if (page.includes('type="password"')) {
      if (passwords++ > 0) throw new Error("the password was not accepted");
      if (password === undefined) throw new Error("the page asks for a password");
      fields.set("password", password);
    } else {
      fields.set("decision", decision);
    }
    response = await visit(new URL(action, response.url).href, { method: "POST", body: fields });
  }
  throw new Error("too many steps: the pages do not lead to the client");

  async function visit(url, init) {
    const { origin } = new URL(url);
    if (!jars.has(origin)) jars.set(origin, new Map());
    const cookies = jars.get(origin);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...init, redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    return answer;
  }
}

function attribute(page, pattern) {
  const found = pattern.exec(page);
  if (!found) throw new Error(`no ${pattern} in ${page}`);
  return found[1].replaceAll("&#x2f;", "/").replaceAll("&amp;", "&");
}
