// oauth4webapi, a strict client library: discovery, code with PKCE, refresh, introspection and
// revocation. It throws on any response that violates the specifications.
//
//   node oauth4webapi.mjs ISSUER [PASSWORD]

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { signInAndAllow } from "./browser.mjs";

const [issuer, password] = process.argv.slice(2);
const options = { [oauth.allowInsecureRequests]: true };
const redirectUri = "http://127.0.0.1:33418/callback";
const resource = `${issuer}/mcp`;

for (const algorithm of ["oauth2", "oidc"]) {
  const discovered = await oauth.discoveryRequest(new URL(issuer), { ...options, algorithm });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), discovered);
  for (const method of server.token_endpoint_auth_methods_supported) {
    await walk(server, method);
    console.log(`${algorithm}, ${method}: passed`);
  }
}

async function walk(server, method) {
  const registered = await oauth.dynamicClientRegistrationRequest(
    server,
    { redirect_uris: [redirectUri], token_endpoint_auth_method: method },
    options,
  );
  const client = await oauth.processDynamicClientRegistrationResponse(registered);
  const prove = {
    none: () => oauth.None(),
    client_secret_basic: () => oauth.ClientSecretBasic(client.client_secret),
    client_secret_post: () => oauth.ClientSecretPost(client.client_secret),
  }[method]();

  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectUri,
    scope: "mcp:tools",
    state,
    resource,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const callback = new URL(await signInAndAllow(url.href, { password }));
  const parameters = oauth.validateAuthResponse(server, client, callback, state);

  const code = await oauth.authorizationCodeGrantRequest(
    server, client, prove, parameters, redirectUri, verifier,
    { ...options, additionalParameters: { resource } },
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, code);
  const again = await oauth.refreshTokenGrantRequest(
    server, client, prove, tokens.refresh_token, options,
  );
  const refreshed = await oauth.processRefreshTokenResponse(server, client, again);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);

  const active = async () => {
    const asked = await oauth.introspectionRequest(
      server, client, prove, refreshed.access_token, options,
    );
    return (await oauth.processIntrospectionResponse(server, client, asked)).active;
  };
  if (method !== "none") assert.equal(await active(), true);
  const revoked = await oauth.revocationRequest(
    server, client, prove, refreshed.refresh_token, options,
  );
  await oauth.processRevocationResponse(revoked);
  if (method !== "none") assert.equal(await active(), false);

  const dead = await oauth.refreshTokenGrantRequest(
    server, client, prove, refreshed.refresh_token, options,
  );
  await assert.rejects(oauth.processRefreshTokenResponse(server, client, dead), {
    error: "invalid_grant",
  });
}
