/** Every action of the table that Neovim and the server itself are tried with, too. */

import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

import { runTests, serverRuns, servers, setKey, type Tests, until, window } from "./kit";

/** One action, what it is tried with, and what must come of it; `tests/editors/actions.py` says more. */
interface Trial {
  readonly action: string;
  readonly command: string;
  readonly file: string;
  readonly text: string;
  readonly at?: string;
  readonly problem?: string;
  readonly arguments?: object;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly binary?: Readonly<Record<string, string>>;
  readonly staged?: boolean;
  readonly asks?: boolean;
  readonly confirmed?: boolean;
  readonly buffer?: string;
  readonly document?: string;
  readonly finding?: string;
}

const TABLE = path.join(process.env["CLAUDE_TEST_PROJECT"] ?? "", "tests/editors/actions.json");
const TRIALS: readonly Trial[] = JSON.parse(readFileSync(TABLE, "utf8"));

async function configure(name: string, value: unknown): Promise<void> {
  const settings = vscode.workspace.getConfiguration("claude");
  await settings.update(name, value, vscode.ConfigurationTarget.Global);
}

/** Write the files of a trial, and open the one that it is about. */
async function prepare(trial: Trial): Promise<vscode.TextEditor> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  await writeFile(path.join(folder, trial.file), trial.text);
  for (const [name, content] of Object.entries(trial.binary ?? {})) {
    await writeFile(path.join(folder, name), Buffer.from(content, "base64"));
  }
  if (trial.staged === true) {
    execFileSync("git", ["init", "-q"], { cwd: folder });
    execFileSync("git", ["add", trial.file], { cwd: folder });
  }
  for (const [name, value] of Object.entries(trial.settings ?? {})) {
    await configure(name, value);
  }
  return await vscode.window.showTextDocument(vscode.Uri.file(path.join(folder, trial.file)));
}

function argument(trial: Trial, { document }: vscode.TextEditor): object {
  const { at, problem } = trial;
  const start = at === undefined ? -1 : trial.text.indexOf(at);
  const [from, to] = [start, start + (at?.length ?? 0)].map((offset) => {
    const { line, character } = document.positionAt(offset);
    return { line, character };
  });
  const range = start < 0 ? undefined : { start: from, end: to };
  const problems = problem === undefined ? undefined : [{ range, message: problem, source: "linter", code: "L1" }];
  return { uri: document.uri.toString(), ...trial.arguments, ...(range && { range }), ...(problems && { problems }) };
}

async function documentWith(words: string): Promise<vscode.TextDocument> {
  return await until(`a document with "${words}"`, () =>
    vscode.workspace.textDocuments.find((each) => each.getText().includes(words)),
  );
}

async function carryOut(trial: Trial): Promise<void> {
  const editor = await prepare(trial);
  const { document } = editor;
  await vscode.commands.executeCommand(trial.command, argument(trial, editor));
  if (trial.asks === true) {
    const question = ".notification-list-item:has-text('at most $')";
    await until("the question", async () => {
      await vscode.commands.executeCommand("notifications.showList"); // it does not open while empty
      return (await window("count", question)) !== "0";
    });
    await window("click", `${question} .monaco-button:has-text('Send')`);
  }
  if (trial.confirmed === true) {
    await window("await", ".refactor-preview, .bulk-edit-panel");
    await vscode.commands.executeCommand("refactorPreview.apply");
  }
  if (trial.buffer !== undefined) {
    await until(`${trial.action} has changed the text`, () => document.getText() === trial.buffer);
    await vscode.window.showTextDocument(document);
    await until("it is undone", async () => {
      await vscode.commands.executeCommand("undo");
      return document.getText() === trial.text;
    });
  }
  if (trial.document !== undefined) {
    await documentWith(trial.document);
  }
  if (trial.finding !== undefined) {
    const { finding } = trial;
    await until("it is reported", () =>
      vscode.languages.getDiagnostics(document.uri).some(({ message }) => message.includes(finding)),
    );
  }
  await vscode.commands.executeCommand("workbench.action.files.revert");
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
}

const TESTS: Tests = {
  async "the server comes up, and applies edits at once"() {
    await serverRuns();
    await setKey();
    await configure("preview.accept", false);
    await vscode.commands.executeCommand("claude-lsp.restart");
    await serverRuns();
    await until("one server", async () => (await servers()).length === 1);
  },

  ...Object.fromEntries(TRIALS.map((trial) => [`${trial.action} does what it says`, () => carryOut(trial)])),

  async "what can be asked stands above definitions, with what it costs"() {
    const trial = TRIALS.find(({ action }) => action === "explain");
    assert.ok(trial);
    const { document } = await prepare(trial);
    const titles = async (): Promise<string[]> =>
      (
        await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", document.uri)
      ).map(({ command }) => command?.title ?? "");
    assert.deepEqual(await titles(), []);
    await configure("code_lens.enabled", true);
    await until("the lenses", async () => (await titles()).length === 3);
    await window("await", ".codelens-decoration a:has-text('Write tests ≈ $0.')");
    await window("picture", "lenses");
    await configure("code_lens.enabled", undefined);
    await until("no lenses", async () => (await titles()).length === 0);
  },

  async "a completion that grows in the text is one step to undo"() {
    const trial = TRIALS.find(({ action }) => action === "complete");
    assert.ok(trial);
    await configure("edits.live", "line");
    const editor = await prepare(trial);
    const { document } = editor;
    const texts = new Set<string>();
    const listening = vscode.workspace.onDidChangeTextDocument(() => texts.add(document.getText()));
    // The settings reach the server a moment later; until then it comes as a whole.
    await until("it has grown", async () => {
      texts.clear();
      await vscode.commands.executeCommand(trial.command, argument(trial, editor));
      await until("it is complete", () => document.getText() === trial.buffer);
      const steps = texts.size;
      await vscode.commands.executeCommand("undo");
      assert.equal(document.getText(), trial.text);
      return steps > 2;
    });
    listening.dispose();
    await configure("edits.live", undefined);
    await vscode.commands.executeCommand("workbench.action.files.revert");
  },
};

export const run = (): Promise<void> => runTests(TESTS);
