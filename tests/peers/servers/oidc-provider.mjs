// A certified OpenID provider as authorization server: registration, PKCE, JWT access tokens for the
// resource that is asked for. Its own development pages sign anybody in. Arguments: the port, and the
// methods at the token endpoint if not all.

import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const methods = process.argv.slice(3);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [],
  ...(methods.length > 0 && { clientAuthMethods: methods }),
  features: {
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: "mcp:tools",
        audience: resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: 3600,
      }),
      useGrantedResource: () => true,
    },
  },
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
});
provider.listen(port, "127.0.0.1");
