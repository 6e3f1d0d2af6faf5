import assert from "node:assert/strict";
import { test } from "node:test";

import { AS_MODULE, findServer, type Surroundings } from "../../src/find";

function machine(changes: Partial<Surroundings> = {}, files: readonly string[] = []): Surroundings {
  return {
    configured: [],
    home: "/home/me",
    folder: "/project",
    searchPath: "/usr/bin:/opt/bin",
    windows: false,
    ownEnvironment: "/storage/environment",
    isExecutable: async (file) => files.includes(file),
    interpreter: async () => undefined,
    canRun: async () => true,
    ...changes,
  };
}

test("the setting is believed, before all else", async () => {
  const found = await findServer(
    machine({ configured: ["~/bin/server", "--fast"] }, ["/usr/bin/claude-lsp"]),
  );
  assert.deepEqual(found, {
    program: "/home/me/bin/server",
    arguments: ["--fast"],
    origin: "setting",
  });
});

test("the setting may begin with the folder", async () => {
  const found = await findServer(machine({ configured: ["${workspaceFolder}/.venv/bin/x"] }));
  assert.equal(found?.program, "/project/.venv/bin/x");
});

test("the first on the PATH is taken", async () => {
  const found = await findServer(machine({}, ["/opt/bin/claude-lsp"]));
  assert.deepEqual(found, { program: "/opt/bin/claude-lsp", arguments: [], origin: "path" });
});

test("relative entries of the PATH are passed over: a folder could place a program there", async () => {
  const found = await findServer(machine({ searchPath: ".:bin:" }, ["claude-lsp", "bin/claude-lsp"]));
  assert.equal(found, undefined);
});

test("an interpreter runs it as a module, never from the current folder", async () => {
  const found = await findServer(machine({ interpreter: async () => "/env/bin/python" }));
  assert.deepEqual(found, {
    program: "/env/bin/python",
    arguments: AS_MODULE,
    origin: "interpreter",
  });
  assert.ok(AS_MODULE.includes("-P"));
});

test("an interpreter that can't run it is passed over for the own environment", async () => {
  const own = "/storage/environment/bin/python";
  const found = await findServer(
    machine(
      { interpreter: async () => "/old/python", canRun: async (python) => python === own },
      [own],
    ),
  );
  assert.equal(found?.origin, "own");
});

test("a broken own environment is no server", async () => {
  const own = "/storage/environment/bin/python";
  assert.equal(await findServer(machine({ canRun: async () => false }, [own])), undefined);
});

test("on Windows the names are Windows's", async () => {
  const found = await findServer(
    machine({ windows: true, searchPath: "C:\\bin;D:\\tools" }, ["D:\\tools\\claude-lsp.exe"]),
  );
  assert.equal(found?.program, "D:\\tools\\claude-lsp.exe");
});
