/** In a workspace of two folders. */

import * as assert from "node:assert/strict";

import * as vscode from "vscode";

import { runTests, serverRuns, servers, until, window } from "./kit";

export const run = (): Promise<void> =>
  runTests({
    async "one server serves both folders"() {
      assert.equal(vscode.workspace.workspaceFolders?.length, 2);
      await serverRuns();
      const asked = vscode.commands.executeCommand("claude-lsp.setApiKey");
      await window("await", ".quick-input-widget input[type=password]");
      await window("type", process.env["CLAUDE_TEST_KEY"] ?? "");
      await window("press", "Enter");
      await asked;
      // The one without the key takes a moment to end.
      await until("one server", async () => (await servers()).length === 1);
      for (const folder of ["one/first.py", "two/second.py"]) {
        const [found] = await vscode.workspace.findFiles(folder.slice(4));
        assert.ok(found);
        const editor = await vscode.window.showTextDocument(found);
        const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
        editor.selection = new vscode.Selection(end, end);
        await vscode.commands.executeCommand("claude-lsp.complete");
        await until(`a completion in ${folder}`, () =>
          editor.document.getText().includes("return sum(prices)"),
        );
        await vscode.commands.executeCommand("workbench.action.files.revert");
      }
    },
  });
