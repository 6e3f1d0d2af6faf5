/** In a folder that is trusted: everything that a user does, once. */

import * as assert from "node:assert/strict";
import * as path from "node:path";

import * as vscode from "vscode";

import { open, runTests, serverRuns, servers, until, window } from "./kit";

const EXTENSION = "claude-lsp.claude-lsp";
const KEY = process.env["CLAUDE_TEST_KEY"] ?? "";

function ours(editor: vscode.TextEditor): vscode.Diagnostic[] {
  return vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((diagnostic) => diagnostic.source === "claude");
}

export const run = (): Promise<void> =>
  runTests({
    async "it is active, and the server comes up"() {
      const extension = vscode.extensions.getExtension(EXTENSION);
      assert.ok(extension);
      await extension.activate();
      const program = path.join(extension.extensionPath, "dist/extension.js");
      delete require.cache[program];
      const began = performance.now();
      require(program);
      console.log(`        its program is loaded in ${(performance.now() - began).toFixed(0)} ms`);
      await serverRuns();
    },

    async "without a key the status says so, and what to do"() {
      await window("await", ".statusbar-item [aria-label*='key']");
      await window("picture", "no-key");
    },

    async "the walkthrough has its three steps"() {
      await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${EXTENSION}#start`);
      await window("await", ".getting-started-step");
      await window("picture", "walkthrough");
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    },

    async "the key reaches the server in its environment only"() {
      const asked = vscode.commands.executeCommand("claude-lsp.setApiKey");
      await window("await", ".quick-input-widget input[type=password]");
      await window("type", KEY);
      await window("picture", "key");
      await window("press", "Enter");
      await asked;
      await serverRuns();
      const [server, ...others] = await servers();
      assert.ok(server);
      assert.equal(others.length, 0);
      assert.ok(server.environment.includes(`ANTHROPIC_API_KEY=${KEY}`));
      assert.ok(!server.words.includes(KEY));
      assert.equal(process.env["ANTHROPIC_API_KEY"], undefined);
    },

    async "ghost text appears while typing and Tab takes it"() {
      const editor = await open("shop.py");
      const before = editor.document.getText();
      const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
      editor.selection = new vscode.Selection(end, end);
      editor.revealRange(editor.selection);
      await window("await", ".cursor-line, .current-line");
      await new Promise((resolve) => setTimeout(resolve, 300)); // the window follows later
      await window("type", "def average");
      await window("await", ".ghost-text-decoration, .ghost-text");
      await window("picture", "ghost-text");
      await window("press", "Tab");
      await until("the text is taken", () =>
        editor.document.getText().includes("def average(prices):\n    return sum(prices) / len(prices)"),
      );
      await vscode.commands.executeCommand("workbench.action.files.revert");
      assert.equal(editor.document.getText(), before);
    },

    async "a fix of another tool's problem is one step to undo"() {
      const editor = await open("shop.py");
      const before = editor.document.getText();
      const tool = vscode.languages.createDiagnosticCollection("linter");
      const line = editor.document.lineAt(17).range;
      const problem = new vscode.Diagnostic(line, "sorting to find one value", vscode.DiagnosticSeverity.Warning);
      problem.source = "linter";
      tool.set(editor.document.uri, [problem]);
      editor.selection = new vscode.Selection(line.end, line.end);
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        "vscode.executeCodeActionProvider",
        editor.document.uri,
        line,
        "quickfix",
      );
      const fix = actions.find(({ title }) => title === "Claude: Fix: sorting to find one value");
      assert.ok(fix?.command, actions.map(({ title }) => title).join(", "));
      await vscode.commands.executeCommand("editor.action.quickFix");
      await window("await", ".action-widget .monaco-list-row");
      await window("picture", "lightbulb");
      await window("press", "Escape");
      await vscode.commands.executeCommand(fix.command.command, ...(fix.command.arguments ?? []));
      await until("the fix is applied", () => editor.document.getText().includes("return min(prices)"));
      await vscode.commands.executeCommand("undo");
      assert.equal(editor.document.getText(), before);
      tool.dispose();
      await vscode.commands.executeCommand("workbench.action.files.revert");
    },

    async "findings appear one by one while the answer streams"() {
      const editor = await open("shop.py");
      const counts = new Set<number>();
      const listening = vscode.languages.onDidChangeDiagnostics(() => counts.add(ours(editor).length));
      await vscode.commands.executeCommand("claude-lsp.review");
      await until("three findings", () => ours(editor).length === 3);
      await until("it was told of each", () => counts.has(3));
      listening.dispose();
      assert.deepEqual([...counts].filter((count) => count > 0), [1, 2, 3]);
      await vscode.commands.executeCommand("claude-lsp.findings.focus");
      await window("await", ".pane-body .monaco-list-row[aria-label*='first price']");
      await vscode.commands.executeCommand("workbench.actions.view.problems");
      await window("picture", "review");
    },

    async "findings move with the text"() {
      const editor = await open("shop.py");
      const lines = (): string => ours(editor).map(({ range }) => range.start.line).sort().join();
      const before = lines();
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "# one\n# two\n"));
      const moved = before.split(",").map((line) => Number(line) + 2).sort().join();
      await until("they have moved", () => lines() === moved);
      await vscode.commands.executeCommand("undo");
      await until("they are back", () => lines() === before);
    },

    async "a group of findings is dismissed, the others stay"() {
      const editor = await open("shop.py");
      const findings = ours(editor).filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error);
      assert.equal(findings.length, 1);
      await vscode.commands.executeCommand("claude-lsp.dismiss", {
        label: "Critical",
        findings: findings.map((diagnostic) => ({ uri: editor.document.uri, diagnostic })),
      });
      await until("it is gone", () => ours(editor).length === 2);
      await vscode.commands.executeCommand("claude-lsp.clear");
      await until("all are gone", () => ours(editor).length === 0);
      await vscode.commands.executeCommand("workbench.action.closePanel");
    },

    async "a completion is previewed while it grows, and is one step to undo"() {
      const editor = await open("shop.py");
      const before = editor.document.getText();
      const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
      await editor.edit((edit) => edit.insert(end, "def middle"));
      const typed = editor.document.getText();
      const cursor = editor.document.lineAt(editor.document.lineCount - 1).range.end;
      editor.selection = new vscode.Selection(cursor, cursor);
      await vscode.commands.executeCommand("claude-lsp.complete");
      await new Promise((resolve) => setTimeout(resolve, 900)); // half of it has come
      assert.equal(editor.document.getText(), typed);
      await window("picture", "preview");
      await until("it is there", () => editor.document.getText().includes("len(prices)\n") || editor.document.getText().endsWith("/ len(prices)"));
      await vscode.commands.executeCommand("undo");
      assert.equal(editor.document.getText(), typed);
      await vscode.commands.executeCommand("workbench.action.files.revert");
      assert.equal(editor.document.getText(), before);
    },

    async "a document that was never saved is completed, too"() {
      const document = await vscode.workspace.openTextDocument({ language: "python", content: "def average" });
      const editor = await vscode.window.showTextDocument(document);
      editor.selection = new vscode.Selection(0, 11, 0, 11);
      await vscode.commands.executeCommand("claude-lsp.complete");
      await until("it is completed", () => document.getText().includes("return sum(prices)"));
      await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    },

    async "an explanation opens in a document of its own"() {
      const editor = await open("shop.py");
      editor.selection = new vscode.Selection(5, 0, 9, 0);
      await vscode.commands.executeCommand("claude-lsp.explain");
      const shown = await until("it is open", () =>
        vscode.window.visibleTextEditors.find(({ document }) => document.languageId === "markdown"),
      );
      assert.match(shown.document.getText(), /adds up the prices/);
    },

    async "a server that has crashed is started again"() {
      const [first] = await servers();
      assert.ok(first);
      process.kill(first.pid, "SIGKILL");
      await until("the crash is seen", async () =>
        !(await vscode.commands.getCommands(true)).includes("claude.cancel"),
      );
      await serverRuns();
      const [second] = await servers();
      assert.ok(second);
      assert.notEqual(second.pid, first.pid);
    },

    async "a program that can't be run, or does not stay up, is told in the status"() {
      const settings = vscode.workspace.getConfiguration("claude");
      const set = (command: string[] | undefined): Thenable<void> =>
        settings.update("server.command", command, vscode.ConfigurationTarget.Global);
      await set(["/no/such/claude-lsp"]);
      await window("await", ".statusbar-item [aria-label*='ENOENT']");
      await set(["/bin/sh", "-c", "echo these are my last words >&2; exit 3"]);
      await window("await", ".statusbar-item [aria-label*='starts again soon']");
      await set(undefined);
      await serverRuns();
    },
  });
