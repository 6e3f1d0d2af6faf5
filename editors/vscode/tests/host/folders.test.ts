/** In a workspace of two folders. */

import * as assert from "node:assert/strict";

import * as vscode from "vscode";

import { click, revert, runTests, serverRuns, servers, setKey, until } from "./kit";

export const run = (): Promise<void> =>
  runTests({
    async "one server serves both folders"() {
      assert.equal(vscode.workspace.workspaceFolders?.length, 2);
      await serverRuns();
      await setKey();
      assert.equal((await servers()).length, 1);
      for (const folder of ["one/first.py", "two/second.py"]) {
        const [found] = await vscode.workspace.findFiles(folder.slice(4));
        assert.ok(found);
        const editor = await vscode.window.showTextDocument(found);
        const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
        editor.selection = new vscode.Selection(end, end);
        await vscode.commands.executeCommand("claude-lsp.complete");
        await click(editor, "Accept");
        await until(`a completion in ${folder}`, () =>
          editor.document.getText().includes("return sum(prices)"),
        );
        await revert();
      }
    },
  });
