// Reports whether the JavaScript client libraries accept a document of an OAuth server.
//
//   node accepts.mjs < documents.jsonl
//
// Reads one JSON object per line: {"document", "status", "content_type", "body"}. `body` is the
// text of the response. `document` is one of:
//
//   protected-resource     RFC 9728 metadata of https://mcp.example.com/mcp
//   authorization-server   RFC 8414 metadata of https://as.example.com
//   openid-configuration   the same, as OpenID Connect Discovery
//   registration           RFC 7591 response
//   token                  RFC 6749 §5.1 response
//   token-error            RFC 6749 §5.2 response; accepted if the library reports its error code
//
// Prints {"library", "accepted", "error"} for each library and line, in the order of the lines.
//
// Only functions that the libraries export are called, so that status and content type count as
// they do in a client. After parsing, each document is used once for the next step: a library that
// parses a document and fails one line later does not accept it.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as sdk from "@modelcontextprotocol/sdk/client/auth.js";
import * as client from "@modelcontextprotocol/client";
import * as oauth from "oauth4webapi";

const resource = "https://mcp.example.com/mcp";
const issuer = "https://as.example.com";
const redirectUri = "http://127.0.0.1:33418/callback";
const verifier = "0123456789".repeat(5);

// The authorization server that registration and token responses come from. Its issuer and the
// client id "client-1" are also those of the id_token in the test documents.
const server = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/register`,
  response_types_supported: ["code"],
};
const registered = { client_id: "client-1" };

const libraries = {
  [`typescript-sdk@${version("@modelcontextprotocol/sdk")}`]: modelContextProtocol(sdk),
  [`typescript-client@${version("@modelcontextprotocol/client")}`]: modelContextProtocol(client),
  [`oauth4webapi@${version("oauth4webapi")}`]: oauth4webapi(),
};

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const { document, status, content_type, body } = JSON.parse(line);
  for (const [library, checks] of Object.entries(libraries)) {
    // A body can be read only once, so every request gets a new response.
    const respond = () =>
      new Response(body, { status, headers: { "content-type": content_type } });
    const error = await failure(() => checks[document](respond));
    console.log(JSON.stringify({ library, accepted: error === null, error }));
  }
}

// Both generations of the MCP TypeScript SDK export the same functions.
function modelContextProtocol(auth) {
  const discover = async (path, respond) => {
    const fetchFn = async (url) =>
      new URL(url).pathname === path ? respond() : new Response(null, { status: 404 });
    const metadata = await auth.discoverAuthorizationServerMetadata(issuer, { fetchFn });
    if (!metadata) throw new Error("no metadata");
    // Checks `response_types_supported` and `code_challenge_methods_supported`.
    await auth.startAuthorization(issuer, {
      metadata,
      clientInformation: registered,
      redirectUrl: redirectUri,
    });
    // Uses the token endpoint and the methods that the metadata lists.
    await exchange(metadata, registered, validToken);
  };
  const exchange = (metadata, clientInformation, fetchFn) =>
    auth.exchangeAuthorization(issuer, {
      metadata,
      clientInformation,
      authorizationCode: "code-1",
      iss: issuer,
      codeVerifier: verifier,
      redirectUri,
      fetchFn: async () => fetchFn(),
    });
  return {
    "protected-resource": async (respond) => {
      const fetchFn = async () => respond();
      const metadata = await auth.discoverOAuthProtectedResourceMetadata(resource, {}, fetchFn);
      await auth.selectResourceURL(resource, {}, metadata);
    },
    "authorization-server": (respond) =>
      discover("/.well-known/oauth-authorization-server", respond),
    "openid-configuration": (respond) => discover("/.well-known/openid-configuration", respond),
    registration: async (respond) => {
      const information = await auth.registerClient(issuer, {
        metadata: server,
        clientMetadata: { redirect_uris: [redirectUri] },
        fetchFn: async () => respond(),
      });
      // Authenticates at the token endpoint with what the server has assigned.
      await exchange(server, information, validToken);
    },
    token: (respond) => exchange(server, registered, respond),
    "token-error": async (respond) => {
      const sent = JSON.parse(await respond().text()).error;
      try {
        await auth.refreshAuthorization(issuer, {
          metadata: server,
          clientInformation: registered,
          refreshToken: "refresh-1",
          fetchFn: async () => respond(),
        });
      } catch (error) {
        // The first generation names the code `errorCode`, the second `code`.
        if ((error.errorCode ?? error.code) === sent) return;
        throw error;
      }
      throw new Error("read as a success");
    },
  };
}

function oauth4webapi() {
  const discover = async (respond) => {
    const metadata = await oauth.processDiscoveryResponse(new URL(issuer), respond());
    // The library leaves the authorization request to the application, as its examples show.
    new URL(metadata.authorization_endpoint);
    const callback = new URLSearchParams({ code: "code-1", iss: issuer });
    const parameters = oauth.validateAuthResponse(
      metadata, registered, callback, oauth.expectNoState,
    );
    const options = { [oauth.customFetch]: async () => validToken() };
    await oauth.authorizationCodeGrantRequest(
      metadata, registered, oauth.None(), parameters, redirectUri, verifier, options,
    );
  };
  return {
    "protected-resource": (respond) =>
      oauth.processResourceDiscoveryResponse(new URL(resource), respond()),
    "authorization-server": discover,
    "openid-configuration": discover,
    registration: (respond) => oauth.processDynamicClientRegistrationResponse(respond()),
    token: (respond) => oauth.processAuthorizationCodeResponse(server, registered, respond()),
    "token-error": async (respond) => {
      const sent = JSON.parse(await respond().text()).error;
      try {
        await oauth.processRefreshTokenResponse(server, registered, respond());
      } catch (error) {
        if (error instanceof oauth.ResponseBodyError && error.error === sent) return;
        throw error;
      }
      throw new Error("read as a success");
    },
  };
}

function validToken() {
  return Response.json({ access_token: "token-1", token_type: "Bearer" });
}

async function failure(check) {
  try {
    await check();
    return null;
  } catch (error) {
    // Schema errors span several lines; the first path and message are enough to compare.
    const issue = error?.issues?.[0];
    return issue ? `${issue.path.join(".")}: ${issue.message}` : String(error?.message ?? error);
  }
}

// The packages do not all export their package.json, so the file is read.
function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).version;
}
