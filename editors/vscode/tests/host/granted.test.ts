/** The same folder as in the restricted suite, but the user trusts it. */

import * as assert from "node:assert/strict";
import { existsSync } from "node:fs";
import * as path from "node:path";

import * as vscode from "vscode";

import { runTests, until } from "./kit";

export const run = (): Promise<void> =>
  runTests({
    async "a trusted folder may choose the server's program"() {
      assert.equal(vscode.workspace.isTrusted, true);
      const mark = path.join(process.env["CLAUDE_TEST_ROOT"] ?? "", "run-by-the-folder");
      await until("the folder's program is run", () => existsSync(mark));
    },

    async "but not where requests go or what is spent"() {
      const settings = vscode.workspace.getConfiguration("claude");
      assert.equal(settings.get("endpoint.base_url"), "");
      assert.equal(settings.get("spend.day_usd"), 10);
      await Promise.resolve();
    },
  });
