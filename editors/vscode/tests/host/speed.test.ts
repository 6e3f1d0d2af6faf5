/** How long things take; printed, never asserted: a timing is no test. */

import * as assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

import { open, revert, runTests, serverRuns, setKey, window } from "./kit";

const ROOT = process.env["CLAUDE_TEST_ROOT"] ?? "";
const LOG = path.join(ROOT, "asked.jsonl");
const ROUNDS = 12;

interface Asked {
  readonly asked: number;
  readonly answered: number;
  readonly items: number;
}

function told(what: string, values: readonly number[]): void {
  const sorted = [...values].sort((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  console.log(`        ${what}: median ${median} ms, ${sorted[0]} to ${sorted.at(-1)}, of ${sorted.length}`);
}

export const run = (): Promise<void> =>
  runTests({
    async "activation, as the editor itself measures it"() {
      await serverRuns();
      await vscode.commands.executeCommand("workbench.action.showRuntimeExtensions");
      const row = ".runtime-extensions-editor .monaco-list-row:has-text('Claude LSP') .activation-time";
      await window("await", row);
      const words = await window("text", row);
      console.log(`        ${words.replaceAll(/\s+/g, " ")}`);
      assert.match(words, /\d+ ?ms/);
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    },

    async "from a key to ghost text, and how much of it is the server's"() {
      const settings = vscode.workspace.getConfiguration("claude");
      const set = (name: string, value: unknown): Thenable<void> =>
        settings.update(name, value, vscode.ConfigurationTarget.Global);
      await set("completion.debounce_ms", 0);
      const project = process.env["CLAUDE_TEST_PROJECT"] ?? "";
      const tee = path.join(project, "editors/vscode/tests/host/tee.cjs");
      await set("server.command", [process.execPath, tee, LOG, path.join(project, ".venv/bin/claude-lsp")]);
      await setKey();
      const editor = await open("shop.py");
      const before: number[] = [];
      const server: number[] = [];
      const after: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
        await editor.edit((edit) => edit.insert(end, `def average${round}`));
        await vscode.commands.executeCommand("cursorBottom");
        await window("press", "Escape");
        await new Promise((resolve) => setTimeout(resolve, 700)); // what that has asked for is over
        const { pressed, shown } = JSON.parse(await window("ghost", "x")) as { pressed: number; shown: number };
        const asked = (await readFile(LOG, "utf8"))
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Asked)
          .find((each) => each.items > 0 && each.asked >= pressed && each.answered <= shown);
        await revert();
        if (asked === undefined) {
          continue; // the editor showed what it knew already
        }
        before.push(asked.asked - pressed);
        server.push(asked.answered - asked.asked);
        after.push(shown - asked.answered);
      }
      assert.ok(after.length > ROUNDS / 2, `only ${after.length} of ${ROUNDS} were measured`);
      told("from the key to the server", before);
      told("in the server, with a model on this machine", server);
      told("from the server to the window", after);
      told("the editor and the extension together", before.map((each, index) => each + (after[index] ?? 0)));
      await set("server.command", undefined);
      await set("completion.debounce_ms", undefined);
    },
  });
