// An OAuth server that nobody here wrote, npm's oidc-provider, with its token endpoint where Entra has it.
//
//     node oauth_server.mjs PATH_OF_OIDC_PROVIDER
//
// The first line of standard input is JSON: certificate, key (PEM), tenant, scope, clients (as oidc-provider takes
// them). When it listens it prints its port; it ends when standard input does.

import { once } from "node:events";
import https from "node:https";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { Provider } = await import(pathToFileURL(process.argv[2]).href);
const input = createInterface({ input: process.stdin });
const [line] = await once(input, "line");
input.on("close", () => process.exit());
const { certificate, key, tenant, scope, clients } = JSON.parse(line);

const server = https.createServer({ cert: certificate, key });
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
const provider = new Provider(`https://127.0.0.1:${port}/${tenant}`, {
  clients: clients.map((client) => ({
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
    ...client,
  })),
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false }, introspection: { enabled: true } },
  routes: { token: `/${tenant}/oauth2/v2.0/token`, introspection: `/${tenant}/introspection` },
  scopes: [scope],
});
server.on("request", provider.callback());
console.log(JSON.stringify({ port }));
