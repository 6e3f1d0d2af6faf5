/** On a machine without the server: it is offered, and installed from this checkout. */

import * as assert from "node:assert/strict";

import * as vscode from "vscode";

import { runTests, serverRuns, servers, window } from "./kit";

export const run = (): Promise<void> =>
  runTests({
    async "the server is missing, and that is said"() {
      await window("await", ".statusbar-item [aria-label*='was not found on this machine']");
      await vscode.commands.executeCommand("notifications.showList");
      await window("await", ".notification-list-item");
      await window("picture", "missing");
      assert.equal((await servers()).length, 0);
    },

    async "it is installed into an environment of the extension's own"() {
      const settings = vscode.workspace.getConfiguration("claude");
      const project = process.env["CLAUDE_TEST_PROJECT"];
      await settings.update("server.package", project, vscode.ConfigurationTarget.Global);
      const installed = vscode.commands.executeCommand("claude-lsp.install");
      await new Promise((resolve) => setTimeout(resolve, 4000));
      await window("picture", "installing");
      await installed;
      await serverRuns();
      const [server] = await servers();
      assert.match(server?.words ?? "", /globalStorage.*environment.bin.python.*claude_lsp/);
    },
  });
