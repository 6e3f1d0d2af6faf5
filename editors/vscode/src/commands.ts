/** The palette's commands: each fills in what the server's command needs. */

import * as vscode from "vscode";

import { SCHEMES, tellFailure } from "./client";
import { codeOf, fingerprintOf, SOURCE } from "./diagnostics";
import { plain, type PlainRange } from "./ranges";
import type { Session } from "./session";

type Command = (session: Session, argument?: unknown) => Promise<void>;

const CONTEXT_OF = [
  { label: "complete", description: "a completion at the cursor" },
  { label: "fix", description: "a fix of the problems here" },
  { label: "rewrite", description: "a change that you describe" },
  { label: "document", description: "documentation of the selection" },
  { label: "test", description: "tests for the selection" },
  { label: "explain", description: "an explanation of the selection" },
  { label: "review", description: "a review of this file" },
  { label: "ask", description: "a question, or this conversation" },
];

const REPORTS: vscode.OpenDialogOptions = {
  title: "Claude: Open a Report of Findings",
  filters: { "SARIF or JSON": ["sarif", "json"] },
};

const MOST_REPORTED = 200;

const COMMANDS: Readonly<Record<string, Command>> = {
  complete: (session) => here(session, "claude.complete"),
  explain: (session) => here(session, "claude.explain"),
  ask: (session) => ask(session),
  continue: (session) => session.execute("claude.continue", { ...placeOf(activeEditor()), diagnostics: reported() }),
  applyBlock: (session) => here(session, "claude.applyBlock"),
  rewrite: (session) => here(session, "claude.rewrite"),
  document: (session) => here(session, "claude.document"),
  simplify: (session) => here(session, "claude.simplify"),
  addTypes: (session) => here(session, "claude.addTypes"),
  test: (session) => here(session, "claude.test"),
  describeImage: (session) => here(session, "claude.describeImage"),
  run: (session) => here(session, "claude.run"),
  commitMessage: (session) => session.execute("claude.commitMessage", documentOrNone()),
  summarizeChanges: (session) => session.execute("claude.summarizeChanges", documentOrNone()),
  fix: fixProblem,
  applyFix: applySuggestion,
  review: async (session) => {
    await session.execute("claude.review", { uri: activeEditor().document.uri.toString() });
  },
  reviewArchitecture: (session) => session.execute("claude.reviewArchitecture", {}),
  showContext: async (session) => {
    const editor = activeEditor();
    const action = await vscode.window.showQuickPick(CONTEXT_OF, {
      title: "Claude: Show What Would Be Sent",
      placeHolder: "For which action? Nothing is sent now.",
    });
    if (action !== undefined) {
      await session.execute("claude.showContext", { ...placeOf(editor), action: action.label });
    }
  },
  showUsage: (session) => session.execute("claude.showUsage", {}),
  showUsagePage: (session) => session.execute("claude.showUsage", { page: true }),
  clear: async (session) => {
    await session.execute("claude.clear", { uri: activeEditor().document.uri.toString() });
  },
  restoreDismissed: (session) => session.execute("claude.dismiss", { restore: true }),
  clearAll: (session) => session.execute("claude.clear", {}),
  openReport: async (session, given) => {
    const chosen = given instanceof vscode.Uri ? [given] : await vscode.window.showOpenDialog(REPORTS);
    if (chosen?.[0] !== undefined) {
      await session.execute("claude.openReport", chosen[0].toString());
    }
  },
  cancel: (session) => session.execute("claude.cancel", {}),
};

/** Register them; what goes wrong is told to the user. */
export function registerCommands(session: Session): vscode.Disposable[] {
  return Object.entries(COMMANDS).map(([name, command]) =>
    vscode.commands.registerCommand(`claude-lsp.${name}`, async (argument?: unknown) => {
      try {
        await command(session, argument);
      } catch (error) {
        tellFailure(error);
      }
    }),
  );
}

function activeEditor(): vscode.TextEditor {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    throw new Error("open a file first");
  }
  const { scheme } = editor.document.uri;
  if (!SCHEMES.includes(scheme)) {
    const what = scheme === "vscode-notebook-cell" ? "cells of notebooks" : `documents of ${scheme}`;
    throw new Error(`${what} are not supported; open a file`);
  }
  return editor;
}

/** The document that is looked at, which tells the repository; without one the folder does. */
function documentOrNone(): { uri?: string } {
  const editor = vscode.window.activeTextEditor;
  return editor?.document.uri.scheme === "file" ? { uri: editor.document.uri.toString() } : {};
}

function placeOf(editor: vscode.TextEditor): { uri: string; range: PlainRange } {
  return { uri: editor.document.uri.toString(), range: plain(editor.selection) };
}

async function here(session: Session, command: string): Promise<void> {
  await session.execute(command, placeOf(activeEditor()));
}

/** Ask about the selection, the file, or without one the project. */
async function ask(session: Session): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  await session.execute("claude.ask", {
    ...(editor === undefined ? {} : placeOf(activeEditor())),
    diagnostics: reported(),
  });
}

/** What other tools report in all files: the server hears of it only so. */
function reported(): { uri: string; line: number; message: string; source: string; code: string }[] {
  return vscode.languages
    .getDiagnostics()
    .flatMap(([uri, problems]) => problems.map((problem) => ({ uri, problem })))
    .filter(({ problem }) => problem.source !== SOURCE)
    .slice(0, MOST_REPORTED)
    .map(({ uri, problem }) => ({
      uri: uri.toString(),
      line: problem.range.start.line,
      message: problem.message,
      source: problem.source ?? "",
      code: codeOf(problem),
    }));
}

async function fixProblem(session: Session): Promise<void> {
  const editor = activeEditor();
  const problem = await chosenProblem(editor, "Which problem should Claude fix?", () => true);
  if (problem !== undefined) {
    await session.execute("claude.fix", {
      uri: editor.document.uri.toString(),
      range: plain(problem.range),
      problems: [
        {
          range: plain(problem.range),
          message: problem.message,
          source: problem.source ?? "",
          code: codeOf(problem),
        },
      ],
    });
  }
}

async function applySuggestion(session: Session): Promise<void> {
  const editor = activeEditor();
  const ours = (problem: vscode.Diagnostic): boolean => problem.source === SOURCE;
  const problem = await chosenProblem(editor, "Which finding's suggestion?", ours);
  if (problem !== undefined) {
    await session.execute("claude.applyFix", {
      uri: editor.document.uri.toString(),
      range: plain(problem.range),
      fingerprint: fingerprintOf(problem),
    });
  }
}

/** The problem at the selection; the user chooses among several. */
async function chosenProblem(
  editor: vscode.TextEditor,
  question: string,
  wanted: (problem: vscode.Diagnostic) => boolean,
): Promise<vscode.Diagnostic | undefined> {
  const lines = new vscode.Range(
    editor.selection.start.with({ character: 0 }),
    editor.document.lineAt(editor.selection.end.line).range.end,
  );
  const problems = vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((problem) => wanted(problem) && problem.range.intersection(lines) !== undefined);
  if (problems.length <= 1) {
    if (problems.length === 0) {
      throw new Error("nothing is reported on this line; go to a problem (F8) and try again");
    }
    return problems[0];
  }
  const items = problems.map((problem) => ({
    label: problem.message.split("\n", 1)[0] ?? "",
    description: [problem.source, codeOf(problem)].filter(Boolean).join(" "),
    problem,
  }));
  return (await vscode.window.showQuickPick(items, { title: "Claude", placeHolder: question }))?.problem;
}
