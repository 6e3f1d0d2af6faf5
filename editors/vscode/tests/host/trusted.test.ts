/** In a folder that is trusted: everything that a user does, once. */

import * as assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

import { click, lens, open, revert, runTests, serverRuns, servers, setKey, status, until, window } from "./kit";

const EXTENSION = "claude-lsp.claude-lsp";
const KEY = process.env["CLAUDE_TEST_KEY"] ?? "";

function ours(editor: vscode.TextEditor): vscode.Diagnostic[] {
  return vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((diagnostic) => diagnostic.source === "claude");
}

async function lenses(editor: vscode.TextEditor): Promise<number> {
  const { uri } = editor.document;
  return (
    await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", uri)
  ).length;
}

/** Write the beginning of a function and let it be completed; the completion waits then. */
async function completeAtTheEnd(editor: vscode.TextEditor): Promise<void> {
  const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
  await editor.edit((edit) => edit.insert(end, "def middle"));
  const cursor = editor.document.lineAt(editor.document.lineCount - 1).range.end;
  editor.selection = new vscode.Selection(cursor, cursor);
  await vscode.commands.executeCommand("claude-lsp.complete");
  await lens(editor, "Accept");
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
      await setKey();
      const [server, ...others] = await servers();
      assert.ok(server);
      assert.equal(others.length, 0);
      assert.ok(server.environment.includes(`ANTHROPIC_API_KEY=${KEY}`));
      assert.ok(!server.words.includes(KEY));
      assert.equal(process.env["ANTHROPIC_API_KEY"], undefined);
    },

    async "the status says what today has cost"() {
      await status("Today: $0.00 of $10.00, unasked $0.00 of $2.00");
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
      await revert();
      assert.equal(editor.document.getText(), before);
      await status("unasked under $0.01 of $2.00");
    },

    async "a fix of another tool's problem is shown first, and is one step to undo"() {
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
      await lens(editor, "Accept: Fix: sorting to find one value");
      assert.equal(editor.document.getText(), before);
      await window("await", ".codelens-decoration a");
      await window("picture", "accept");
      await click(editor, "Compare");
      await until("the diff shows it applied", () =>
        vscode.workspace.textDocuments.some(
          (document) => document.uri.scheme === "claude-preview" && document.getText().includes("min(prices)"),
        ),
      );
      await window("await", ".monaco-diff-editor .char-insert, .monaco-diff-editor .line-insert");
      await window("picture", "compare");
      await vscode.commands.executeCommand("claude-lsp.acceptEdits");
      await until("the fix is applied", () => editor.document.getText().includes("return min(prices)"));
      await until("the diff is closed", () => !vscode.window.tabGroups.all.some(({ tabs }) =>
        tabs.some(({ input }) => input instanceof vscode.TabInputTextDiff),
      ));
      await open("shop.py");
      await vscode.commands.executeCommand("undo");
      assert.equal(editor.document.getText(), before);
      tool.dispose();
      await vscode.commands.executeCommand("workbench.action.files.revert");
    },

    async "the status shows it to who points at it"() {
      await window("hover", ".statusbar-item [aria-label^='Claude:']");
      await window("await", ".monaco-hover:has-text('Today: ')");
      await window("picture", "status");
      await window("press", "Escape");
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
      await vscode.commands.executeCommand("claude-lsp.restoreDismissed");
      await until("it is there again", () => ours(editor).length === 3);
      await vscode.commands.executeCommand("claude-lsp.clear");
      await until("all are gone", () => ours(editor).length === 0);
      await vscode.commands.executeCommand("workbench.action.closePanel");
    },

    async "several findings that are selected are dismissed"() {
      const editor = await open("shop.py");
      await vscode.commands.executeCommand("claude-lsp.review");
      await until("three findings", () => ours(editor).length === 3);
      const [first, second] = ours(editor).map((diagnostic) => ({ uri: editor.document.uri, diagnostic }));
      await vscode.commands.executeCommand("claude-lsp.dismiss", first, [first, second, first]);
      await until("they are gone", () => ours(editor).length === 1);
      await vscode.commands.executeCommand("claude-lsp.restoreDismissed");
      await until("they are there again", () => ours(editor).length === 3);
      await vscode.commands.executeCommand("claude-lsp.clearAll");
      await until("all are gone", () => ours(editor).length === 0);
    },

    async "what is dismissed stays so over a restart, until it is restored"() {
      const editor = await open("shop.py");
      await vscode.commands.executeCommand("claude-lsp.review");
      await until("three findings", () => ours(editor).length === 3);
      const found = ours(editor).map((diagnostic) => ({ uri: editor.document.uri, diagnostic }));
      await vscode.commands.executeCommand("claude-lsp.dismiss", found[0], found.slice(0, 2));
      await until("two are gone", () => ours(editor).length === 1);
      await vscode.commands.executeCommand("claude-lsp.restart");
      await until("all are gone", () => ours(editor).length === 0);
      await status("Claude: Ready");
      await vscode.commands.executeCommand("claude-lsp.review");
      await until("the other is found again", () => ours(editor).length === 1);
      await status("Claude: Ready");
      const messages = ours(editor).map(({ message }) => message);
      assert.deepEqual(messages, [found[2]?.diagnostic.message]);
      await vscode.commands.executeCommand("claude-lsp.restoreDismissed");
      await until("all are there again", () => ours(editor).length === 3);
      await vscode.commands.executeCommand("claude-lsp.clearAll");
      await until("all are gone", () => ours(editor).length === 0);
    },

    async "the findings of a report are shown"() {
      const editor = await open("shop.py");
      const report = path.join(process.env["CLAUDE_TEST_ROOT"] ?? "", "report.sarif");
      const region = { startLine: 14, snippet: { text: "    return price + price * RATES[kind]" } };
      const result = {
        ruleId: "review.error-handling",
        level: "error",
        message: { text: "An unknown kind ends in a KeyError" },
        locations: [{ physicalLocation: { artifactLocation: { uri: "shop.py" }, region } }],
      };
      const tool = { driver: { name: "claude-lsp", rules: [] } };
      await writeFile(report, JSON.stringify({ version: "2.1.0", runs: [{ tool, results: [result] }] }));
      await vscode.commands.executeCommand("claude-lsp.openReport", vscode.Uri.file(report));
      await until("it is shown", () => ours(editor).length === 1);
      assert.equal(ours(editor)[0]?.range.start.line, 13);
      await vscode.commands.executeCommand("claude-lsp.clearAll");
      await until("it is gone", () => ours(editor).length === 0);
    },

    async "the page of the modules is shown, and asks nothing of anybody"() {
      await open("shop.py");
      await vscode.commands.executeCommand("claude-lsp.openArchitecture");
      const labels = () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));
      await until("its tab", () => labels().some((label) => label.startsWith("Architecture: ")));
      await window("await", "iframe.webview.ready");
      await until("the modules are drawn", async () => (await window("drawn", "svg")) !== "0");
      await window("picture", "architecture");
      await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    },

    async "a completion is shown while it grows, and is one step to undo"() {
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
      await lens(editor, "Accept");
      assert.equal(editor.document.getText(), typed);
      await window("press", "Control+Enter");
      await until("it is there", () => editor.document.getText().endsWith("/ len(prices)"));
      await vscode.commands.executeCommand("undo");
      assert.equal(editor.document.getText(), typed);
      await revert();
      assert.equal(editor.document.getText(), before);
    },

    async "an edit that waits moves with the text, and Escape discards it"() {
      const editor = await open("shop.py");
      const before = editor.document.getText();
      await completeAtTheEnd(editor);
      const { line } = editor.selection.active;
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "# one\n"));
      await until("it has moved", async () => {
        const shown = await vscode.commands.executeCommand<vscode.CodeLens[]>(
          "vscode.executeCodeLensProvider",
          editor.document.uri,
        );
        return shown.length > 0 && shown.every(({ range }) => range.start.line === line + 1);
      });
      await window("press", "Escape");
      await until("it is discarded", async () => await lenses(editor) === 0);
      await revert();
      assert.equal(editor.document.getText(), before);
    },

    async "typing where an edit waits takes it back"() {
      const editor = await open("shop.py");
      await completeAtTheEnd(editor);
      await editor.edit((edit) => edit.insert(editor.selection.active, " = 1"));
      await until("it is taken back", async () => await lenses(editor) === 0);
      assert.ok(editor.document.getText().endsWith("def middle = 1"));
      await revert();
    },

    async "who wants it has edits applied at once"() {
      const settings = vscode.workspace.getConfiguration("claude");
      await settings.update("preview.accept", false, vscode.ConfigurationTarget.Global);
      await until("the server is another", async () => (await servers()).length === 1);
      await serverRuns();
      const editor = await open("shop.py");
      await vscode.commands.executeCommand("claude-lsp.restart");
      const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
      await editor.edit((edit) => edit.insert(end, "def middle"));
      await vscode.commands.executeCommand("cursorBottom");
      await vscode.commands.executeCommand("claude-lsp.complete");
      await until("it is applied", () => editor.document.getText().endsWith("/ len(prices)"));
      await settings.update("preview.accept", undefined, vscode.ConfigurationTarget.Global);
      await revert();
      await vscode.commands.executeCommand("claude-lsp.restart");
      await serverRuns();
    },

    async "a conversation is begun, answered as one step to undo, and its block applied"() {
      const code = await open("shop.py");
      const before = code.document.getText();
      code.selection = new vscode.Selection(16, 0, 18, 0);
      const asked = vscode.commands.executeCommand("claude-lsp.ask");
      await window("await", ".quick-input-widget :text('What do you want to ask?')");
      await window("type", "why sorted?");
      await window("press", "Enter");
      await asked;
      const ended = "Take the least:\n\n```diff path=shop.py\n-    return sorted(prices)[-1]\n+    return min(prices)\n```\n\n## You\n\n";
      const question = "## You\n\n@file:shop.py#L17-L18\n\nwhy sorted?\n";
      const editor = await until("the answer is there", () => {
        const active = vscode.window.activeTextEditor;
        return active?.document.getText() === `${question}\n## Claude\n\n${ended}` ? active : undefined;
      });
      assert.ok(editor.document.uri.path.endsWith("-why-sorted.claude.md"));
      await window("picture", "conversation");
      await vscode.commands.executeCommand("undo");
      assert.equal(editor.document.getText(), question);
      await vscode.commands.executeCommand("redo");
      const line = editor.document.getText().split("\n").findIndex((each) => each.startsWith("```diff"));
      editor.selection = new vscode.Selection(line, 0, line, 0);
      await vscode.commands.executeCommand("claude-lsp.applyBlock");
      await lens(code, "Accept");
      await click(code, "Accept");
      await until("the block is applied", () => code.document.getText().includes("return min(prices)"));
      const shown = await open("shop.py");
      await revert();
      assert.equal(shown.document.getText(), before);
    },

    async "what is typed while an answer is written is a step of its own"() {
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
      const file = path.join(folder, "meanwhile.claude.md");
      const question = "## You\n\nWhy?\n";
      await writeFile(file, question);
      const { document } = await vscode.window.showTextDocument(vscode.Uri.file(file));
      await vscode.commands.executeCommand("claude-lsp.continue");
      await until("the answer is begun", () => document.getText().includes("## Claude"));
      await window("press", "Control+Home");
      await window("type", "A note: ");
      await until("the answer is there", () => document.getText().endsWith("```\n\n## You\n\n"));
      await window("type", "really");
      const parts = (): [string, string] => {
        const [note, answer] = document.getText().split(question);
        return [note ?? "", answer ?? ""];
      };
      await until(`all is typed into ${document.getText()}`, () => parts()[0] === "A note: really");
      let now = parts();
      let steps = 0;
      while (document.getText() !== question) {
        await vscode.commands.executeCommand("undo");
        const [[note, answer], [noteBefore, answerBefore]] = [parts(), now];
        assert.ok((note === noteBefore) !== (answer === answerBefore), `${noteBefore} -> ${note}`);
        now = [note, answer];
        steps += 1;
      }
      assert.ok(steps >= 3);
      await revert();
      await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    },

    async "what was spent is shown"() {
      await vscode.commands.executeCommand("claude-lsp.showUsage");
      const shown = await until("it is open", () =>
        vscode.window.visibleTextEditors.find(({ document }) => document.getText().startsWith("# What Claude has cost")),
      );
      assert.match(shown.document.getText(), /haiku/);
      await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    },

    async "a document that was never saved is completed, too"() {
      const document = await vscode.workspace.openTextDocument({ language: "python", content: "def average" });
      const editor = await vscode.window.showTextDocument(document);
      editor.selection = new vscode.Selection(0, 11, 0, 11);
      await vscode.commands.executeCommand("claude-lsp.complete");
      await click(editor, "Accept");
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
