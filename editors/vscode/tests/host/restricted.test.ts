/** In a folder that is not trusted and would like to run its own program. */

import * as assert from "node:assert/strict";
import { existsSync } from "node:fs";
import * as path from "node:path";

import * as vscode from "vscode";

import { open, runTests, serverRuns, servers, window } from "./kit";

export const run = (): Promise<void> =>
  runTests({
    async "the folder's program is not run; the user's is"() {
      assert.equal(vscode.workspace.isTrusted, false);
      await open("shop.py");
      await serverRuns();
      const [server] = await servers();
      assert.match(server?.words ?? "", /claude-lsp/);
      await window("picture", "restricted");
      const mark = path.join(process.env["CLAUDE_TEST_ROOT"] ?? "", "run-by-the-folder");
      assert.ok(!existsSync(mark));
    },

    async "the folder can't say where requests go or what is spent"() {
      const settings = vscode.workspace.getConfiguration("claude");
      assert.equal(settings.get("endpoint.base_url"), "");
      assert.equal(settings.get("spend.day_usd"), 10);
      await Promise.resolve();
    },
  });
