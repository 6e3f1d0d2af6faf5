/**
 * Runs the server and passes everything on, noting when requests for ghost text come and when they
 * are answered: `node tee.cjs LOG PROGRAM`. What the editor adds to that is the editor's.
 */

const { spawn } = require("node:child_process");
const { appendFileSync } = require("node:fs");

const [log, program] = process.argv.slice(2);
const server = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] });
const asked = new Map();

/** Calls back with each message of a stream that is passed on. */
function messages(take) {
  let waiting = Buffer.alloc(0);
  return (data) => {
    waiting = Buffer.concat([waiting, data]);
    for (;;) {
      const end = waiting.indexOf("\r\n\r\n");
      const length = Number(/content-length: *(\d+)/i.exec(waiting.toString("latin1", 0, end))?.[1]);
      if (end < 0 || waiting.length < end + 4 + length) {
        return;
      }
      take(JSON.parse(waiting.toString("utf8", end + 4, end + 4 + length)));
      waiting = waiting.subarray(end + 4 + length);
    }
  };
}

const fromEditor = messages(({ id, method }) => {
  if (method === "textDocument/inlineCompletion") {
    asked.set(id, Date.now());
  }
});
const fromServer = messages(({ id, method, result }) => {
  if (method === undefined && asked.has(id)) {
    const items = (result?.items ?? result ?? []).length;
    appendFileSync(log, `${JSON.stringify({ asked: asked.get(id), answered: Date.now(), items })}\n`);
    asked.delete(id);
  }
});
process.stdin.on("data", (data) => {
  fromEditor(data);
  server.stdin.write(data);
});
process.stdin.on("end", () => server.stdin.end());
server.stdout.on("data", (data) => {
  process.stdout.write(data);
  fromServer(data);
});
server.on("exit", (code) => process.exit(code ?? 1));
process.on("SIGTERM", () => server.kill());
