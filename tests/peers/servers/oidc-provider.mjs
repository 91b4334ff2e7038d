// A certified OpenID provider as authorization server: registration, PKCE, and JWT access tokens
// for the requested resource. Its development pages accept any login. Arguments: the port, and
// optionally the allowed methods at the token endpoint.

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
