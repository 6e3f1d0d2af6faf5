/** What the tests inside the extension host share. */

import * as assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

export type Tests = Readonly<Record<string, () => Promise<void>>>;

/** Run tests one after another; throws if any has failed. */
export async function runTests(tests: Tests): Promise<void> {
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    const began = Date.now();
    try {
      await test();
      console.log(`ok      ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
  if (failed > 0) {
    throw new Error(`${failed} failed`);
  }
}

/** Wait until a condition gives something. */
export async function until<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  limit = 30_000,
): Promise<NonNullable<Value>> {
  for (const began = Date.now(); ; ) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) {
      return value;
    }
    if (Date.now() - began > limit) {
      throw new Error(`never happened: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Ask something of the window: see the steps in `run.mts`. Returns what it answers. */
export async function window(step: string, word: string): Promise<string> {
  const control = process.env["CLAUDE_TEST_CONTROL"] ?? "";
  const answer = await fetch(`${control}/${step}?word=${encodeURIComponent(word)}`);
  const said = await answer.text();
  assert.equal(answer.status, 200, `${step} ${word}: ${said}`);
  return said;
}

/** Wait until the status bar says something. */
export async function status(words: string): Promise<void> {
  await window("await", `.statusbar-item [aria-label*="${words}"]`);
}

/** Store the key as a user does. */
export async function setKey(key = process.env["CLAUDE_TEST_KEY"] ?? ""): Promise<void> {
  const asked = vscode.commands.executeCommand("claude-lsp.setApiKey");
  await window("await", ".quick-input-widget input[type=password]");
  await window("type", key);
  await window("picture", "key");
  await window("press", "Enter");
  await asked;
  await serverRuns();
  // The one without the key takes a moment to end.
  await until("one server", async () => (await servers()).length === 1);
}

/** Wait until a code lens of ours is there; return its command. */
export async function lens(editor: vscode.TextEditor, title: string): Promise<vscode.Command> {
  return await until(`a lens "${title}"`, async () => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      "vscode.executeCodeLensProvider",
      editor.document.uri,
    );
    return lenses.find(({ command }) => command?.title.includes(title))?.command;
  });
}

/** Do what a click on a code lens does. */
export async function click(editor: vscode.TextEditor, title: string): Promise<void> {
  const { command, arguments: given } = await lens(editor, title);
  await vscode.commands.executeCommand(command, ...(given ?? []));
}

/** Take back what was typed. */
export async function revert(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.files.revert");
}

export async function open(name: string): Promise<vscode.TextEditor> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder);
  return await vscode.window.showTextDocument(vscode.Uri.joinPath(folder.uri, name));
}

/** Wait until the server runs: its own commands are there then. */
export async function serverRuns(): Promise<void> {
  await until("the server's commands are there", async () =>
    (await vscode.commands.getCommands(true)).includes("claude.cancel"),
  );
}

/** The running servers: their process, command line and environment. */
export async function servers(): Promise<{ pid: number; words: string; environment: string }[]> {
  const found = [];
  for (const pid of (await readdir("/proc")).filter((each) => /^\d+$/.test(each))) {
    try {
      const folder = path.join("/proc", pid);
      const status = await readFile(path.join(folder, "status"), "utf8");
      const words = await readFile(path.join(folder, "cmdline"), "utf8");
      // Worker processes of the server are not children of this host.
      if (status.includes(`\nPPid:\t${process.pid}\n`) && /bin.claude-lsp|claude_lsp/.test(words)) {
        const environment = await readFile(path.join(folder, "environ"), "utf8");
        found.push({ pid: Number(pid), words, environment });
      }
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}
