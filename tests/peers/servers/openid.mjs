// oidc-provider as the OpenID provider of a server, and as an external authorization server. Its
// development pages accept any login; the user NAME has the address NAME@example.com. Arguments:
// the port, and the callback of the client "mcpo".

import Provider from "oidc-provider";

const [port, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: callback
    ? [
        {
          client_id: "mcpo",
          client_secret: "the secret of the client",
          redirect_uris: [callback],
          grant_types: ["authorization_code", "refresh_token"],
        },
      ]
    : [],
  scopes: ["openid", "offline_access", "email", "profile", "mcp:tools", "notes:write"],
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["preferred_username", "groups"],
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@example.com`,
      email_verified: id !== "mallory",
      preferred_username: id,
      groups: id === "ada" ? ["makers", "readers"] : ["readers"],
    }),
  }),
  features: {
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: "mcp:tools notes:write",
        audience: resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: 3600,
      }),
      useGrantedResource: () => true,
    },
  },
  issueRefreshToken: (_, client, code) =>
    client.grantTypeAllowed("refresh_token") && code.scopes.has("offline_access"),
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
});
provider.listen(Number(port), "127.0.0.1");
