/** When something is wrong: with the machine, the key, the network, the server or the document. */

import * as assert from "node:assert/strict";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

import { lens, open, revert, runTests, serverRuns, servers, setKey, status, until, window } from "./kit";

const ROOT = process.env["CLAUDE_TEST_ROOT"] ?? "";
const STORAGE = path.join(ROOT, "user-data/User/globalStorage/claude-lsp.claude-lsp");

/** Wait until a message pops up, and close it. */
async function told(words: string): Promise<void> {
  await until(`"${words}" is told`, async () => {
    await vscode.commands.executeCommand("notifications.showList"); // it does not open while empty
    return (await window("count", `.notification-list-item:has-text("${words}")`)) !== "0";
  });
  await vscode.commands.executeCommand("notifications.clearAll");
}

/** Run something with other variables of the environment. */
async function withVariables(others: NodeJS.ProcessEnv, work: () => Promise<void>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, others);
  try {
    await work();
  } finally {
    for (const name of Object.keys(others)) {
      if (before[name] === undefined) {
        delete process.env[name];
      } else {
        process.env[name] = before[name];
      }
    }
  }
}

async function program(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, name), `#!/bin/sh\n${text}\n`);
  await chmod(path.join(folder, name), 0o755);
}

async function configure(name: string, value: unknown): Promise<void> {
  const settings = vscode.workspace.getConfiguration("claude");
  await settings.update(name, value, vscode.ConfigurationTarget.Global);
}

async function explain(): Promise<void> {
  await vscode.commands.executeCommand("claude-lsp.explain");
}

export const run = (): Promise<void> =>
  runTests({
    async "without Python the server can't be installed, and that is told"() {
      await serverRuns();
      await withVariables({ PATH: path.join(ROOT, "nothing") }, async () => {
        void vscode.commands.executeCommand("claude-lsp.install");
        await told("No Python was found: install uv, or Python 3.11 or newer");
        await status("was not found on this machine");
      });
    },

    async "a Python that is too old is named"() {
      const folder = path.join(ROOT, "old");
      await program(folder, "python3", "exit 1");
      await withVariables({ PATH: folder }, async () => {
        void vscode.commands.executeCommand("claude-lsp.install");
        await told("old/python3 is too old");
      });
    },

    async "an installation that fails leaves nothing half made"() {
      const folder = path.join(ROOT, "uv");
      // It makes the environment and fails at what comes then.
      await program(
        folder,
        "uv",
        'PATH=/usr/bin:/bin; if [ "$1" = venv ]; then for last; do :; done; mkdir -p "$last/bin"; exit 0; fi\necho no network here; exit 7',
      );
      await withVariables({ PATH: folder }, async () => {
        void vscode.commands.executeCommand("claude-lsp.install");
        await told("ended with code 7. no network here");
        await status("was not found on this machine");
      });
    },

    async "an environment that is broken is passed over"() {
      await program(path.join(STORAGE, "environment/bin"), "python", "echo broken >&2; exit 1");
      await withVariables({ PATH: path.join(ROOT, "nothing") }, async () => {
        await vscode.commands.executeCommand("claude-lsp.restart");
        await status("was not found on this machine");
      });
      await rm(path.join(STORAGE, "environment"), { recursive: true });
      await vscode.commands.executeCommand("claude-lsp.restart");
      await serverRuns();
    },

    async "a key that is refused is told, with what to do"() {
      await setKey("sk-ant-not-this-one");
      await open("shop.py");
      await explain();
      await status("The API key was not accepted");
      await told("The API key was not accepted");
      await setKey();
      await explain();
      await until("it is explained", () =>
        vscode.window.visibleTextEditors.some(({ document }) => document.languageId === "markdown"),
      );
    },

    async "without a network that is told, and it works again later"() {
      await withVariables({ ANTHROPIC_BASE_URL: "http://127.0.0.1:9" }, async () => {
        await vscode.commands.executeCommand("claude-lsp.restart");
        await serverRuns();
        await open("shop.py");
        await explain();
        await status("can't be reached");
        await told("can't be reached");
      });
      await vscode.commands.executeCommand("claude-lsp.restart");
      await serverRuns();
      await status("Ready");
    },

    async "a file outside the workspace is not sent, and why is told"() {
      const file = path.join(ROOT, "elsewhere.py");
      await writeFile(file, "def average");
      await vscode.window.showTextDocument(vscode.Uri.file(file));
      await explain();
      await told("outside the workspace");
    },

    async "a file of 10 MB is not sent, and nothing stands still"() {
      const file = path.join(path.dirname(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? ""), "workspace/large.py");
      await writeFile(file, "number = 1234567890\n".repeat(500_000));
      const editor = await vscode.window.showTextDocument(vscode.Uri.file(file));
      await explain();
      await told("over 512 kB");
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "# one\n"));
      const began = Date.now();
      await vscode.commands.executeCommand("claude.cancel");
      console.log(`        behind a change of 10 MB the server answers in ${Date.now() - began} ms`);
      await revert();
      await rm(file);
    },

    async "a cell of a notebook is no document of the server, and that is told"() {
      const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, "def average", "python");
      const data = new vscode.NotebookData([cell]);
      const notebook = await vscode.workspace.openNotebookDocument("jupyter-notebook", data);
      await vscode.window.showNotebookDocument(notebook);
      await vscode.commands.executeCommand("notebook.cell.edit");
      await until("the cell is edited", () =>
        vscode.window.activeTextEditor?.document.uri.scheme === "vscode-notebook-cell",
      );
      await vscode.commands.executeCommand("claude-lsp.complete");
      await told("cells of notebooks");
      await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    },

    async "a server that dies while an edit waits takes it along, and comes again"() {
      const editor = await open("shop.py");
      const before = editor.document.getText();
      const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
      await editor.edit((edit) => edit.insert(end, "def middle"));
      const typed = editor.document.getText();
      await vscode.commands.executeCommand("cursorBottom");
      await vscode.commands.executeCommand("claude-lsp.complete");
      await lens(editor, "Accept");
      const [server] = await servers();
      assert.ok(server);
      process.kill(server.pid, "SIGKILL");
      await until("the edit waits no more", async () => {
        const { uri } = editor.document;
        const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
          "vscode.executeCodeLensProvider",
          uri,
        );
        return lenses.length === 0;
      });
      assert.equal(editor.document.getText(), typed);
      await serverRuns();
      await revert();
      assert.equal(editor.document.getText(), before);
    },

    async "a server that does not stay up is given up, with its last words"() {
      await configure("server.command", ["/bin/sh", "-c", "echo these are my last words >&2; exit 3"]);
      await status("starts again soon");
      await until(
        "it is given up",
        async () => {
          const said = await window("label", ".statusbar-item [aria-label^='Claude:']");
          return said.includes("does not stay up") && said.includes("these are my last words");
        },
        60_000,
      );
      await told("Its last words: these are my last words");
      await configure("server.command", undefined);
      await serverRuns();
    },
  });
