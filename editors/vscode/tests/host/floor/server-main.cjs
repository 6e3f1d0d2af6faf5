/**
 * Starts the server of an old VS Code with the arguments of a new one: in its package, the server
 * is a library.
 */

const http = require("node:http");
const path = require("node:path");
const { parseArgs } = require("node:util");

const { loadCodeWithNls } = require(
  path.join(__dirname, "node_modules/code-server/lib/vscode/out/server-main.js"),
);

async function main() {
  const code = await loadCodeWithNls();
  const { values } = parseArgs({ strict: false });
  if (values["install-extension"]) {
    await code.spawnCli();
    return;
  }
  const valued = parseArgs({
    strict: false,
    options: Object.fromEntries(
      ["host", "port", "telemetry-level", "server-data-dir", "user-data-dir", "extensions-dir"].map(
        (name) => [name, { type: "string" }],
      ),
    ),
  }).values;
  const server = await code.createServer(null, { _: [], compatibility: "1.93", ...valued });
  const listener = http.createServer((request, response) =>
    request.url === "/version" ? response.end() : server.handleRequest(request, response),
  );
  listener.on("upgrade", (request, socket) => server.handleUpgrade(request, socket));
  listener.listen(Number(valued.port), valued.host);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
