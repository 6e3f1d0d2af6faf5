/** Edits that wait for the user's word: shown at their place, as a diff, accepted or discarded. */

import * as vscode from "vscode";

import { tellFailure } from "./client";
import { withEdits, summary, type Held } from "./holding";
import type { Session } from "./session";

/** What the editor shows of a text in which the edits are applied. */
const SCHEME = "claude-preview";
/** Whether something waits in the active editor; keys and buttons depend on it. */
const CONTEXT = "claude-lsp.held";
const TOLD_MS = 6_000;

export class HeldEdits
  implements vscode.CodeLensProvider, vscode.TextDocumentContentProvider, vscode.Disposable
{
  readonly #held = new Map<number, Held>();
  readonly #lensesChanged = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#lensesChanged.event;
  readonly #textChanged = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#textChanged.event;
  readonly #removed = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor("diffEditor.removedTextBackground"),
    textDecoration: "line-through",
  });
  readonly #added = vscode.window.createTextEditorDecorationType({
    after: {
      backgroundColor: new vscode.ThemeColor("diffEditor.insertedTextBackground"),
      color: new vscode.ThemeColor("editor.foreground"),
      margin: "0 0 0 1ch",
    },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  readonly #disposables: vscode.Disposable[];

  constructor(session: Session) {
    const register = (
      name: string,
      command: (held: Held) => Promise<unknown>,
    ): vscode.Disposable =>
      vscode.commands.registerCommand(`claude-lsp.${name}`, async (id?: unknown) => {
        try {
          const held = typeof id === "number" ? this.#held.get(id) : this.#atCursor();
          if (held === undefined) {
            throw new Error("no edit waits here");
          }
          await command(held);
        } catch (error) {
          tellFailure(error);
        }
      });
    this.#disposables = [
      this.#lensesChanged,
      this.#textChanged,
      this.#removed,
      this.#added,
      vscode.languages.registerCodeLensProvider({ pattern: "**" }, this),
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#decorate()),
      vscode.window.onDidChangeActiveTextEditor(() => this.#setContext()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#refreshDiffs(document.uri)),
      register("acceptEdits", ({ id }) => session.execute("claude.acceptPreview", { id })),
      register("discardEdits", ({ id }) => session.execute("claude.discardPreview", { id })),
      register("compareEdits", (held) => compare(held)),
    ];
  }

  /** Take in what the server tells of some edits. */
  show(held: Held): void {
    if (held.complete) {
      this.#held.delete(held.id);
      void closeDiff(held);
      if (held.reason !== "") {
        vscode.window.setStatusBarMessage(`Claude: an edit was taken back: ${held.reason}`, TOLD_MS);
      }
    } else {
      this.#held.set(held.id, held);
    }
    this.#refresh();
    this.#refreshDiffs(vscode.Uri.parse(held.uri));
  }

  /** Take everything back: the server that holds the edits is gone. */
  clear(): void {
    const gone = [...this.#held.values()];
    this.#held.clear();
    gone.forEach((held) => void closeDiff(held));
    if (gone.length > 0) {
      this.#refresh();
    }
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    return this.#of(document.uri).flatMap((held) => {
      const [first] = held.edits;
      if (first === undefined) {
        return [];
      }
      const { line } = first.range.start;
      const at = new vscode.Range(line, 0, line, 0);
      const lens = (title: string, name: string): vscode.CodeLens =>
        new vscode.CodeLens(at, { title, command: `claude-lsp.${name}`, arguments: [held.id] });
      const discard = lens("$(close) Discard", "discardEdits");
      return held.ready
        ? [
            lens(`$(check) Accept: ${held.title.replace(/^Claude: /, "")}`, "acceptEdits"),
            discard,
            lens("$(diff) Compare", "compareEdits"),
          ]
        : [lens("$(loading~spin) Being written", "compareEdits"), discard];
    });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const held = this.#held.get(idOf(uri));
    const document = held && documentOf(held);
    if (held === undefined || document === undefined) {
      return "";
    }
    return withEdits(document.getText(), held.edits, (place) =>
      document.offsetAt(new vscode.Position(place.line, place.character)),
    );
  }

  dispose(): void {
    vscode.Disposable.from(...this.#disposables).dispose();
  }

  #refresh(): void {
    this.#setContext();
    this.#lensesChanged.fire();
    this.#decorate();
  }

  #setContext(): void {
    const waits = this.#atCursor() !== undefined;
    void vscode.commands.executeCommand("setContext", CONTEXT, waits);
  }

  #refreshDiffs(uri: vscode.Uri): void {
    for (const held of this.#of(uri)) {
      this.#textChanged.fire(diffUri(held));
    }
  }

  #decorate(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const edits = this.#of(editor.document.uri).flatMap((held) => held.edits);
      const ranges = edits.map(({ range: { start, end } }) =>
        new vscode.Range(start.line, start.character, end.line, end.character),
      );
      editor.setDecorations(this.#removed, ranges);
      editor.setDecorations(
        this.#added,
        edits.map(({ newText }, index) => ({
          range: new vscode.Range(ranges[index]!.end, ranges[index]!.end),
          renderOptions: { after: { contentText: summary(newText) } },
          hoverMessage: new vscode.MarkdownString().appendCodeblock(
            newText,
            editor.document.languageId,
          ),
        })),
      );
    }
  }

  #of(uri: vscode.Uri): Held[] {
    const address = uri.toString();
    return [...this.#held.values()].filter((held) => vscode.Uri.parse(held.uri).toString() === address);
  }

  /** What waits in the active editor: at the cursor, or else the first. */
  #atCursor(): Held | undefined {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.uri.scheme === SCHEME) {
      return this.#held.get(idOf(editor.document.uri));
    }
    const here = editor === undefined ? [] : this.#of(editor.document.uri);
    const line = editor?.selection.active.line ?? 0;
    const isAt = ({ edits }: Held): boolean =>
      edits.some(({ range: { start, end } }) => start.line <= line && line <= end.line);
    return here.find(isAt) ?? here[0];
  }
}

function diffUri(held: Held): vscode.Uri {
  const { path } = vscode.Uri.parse(held.uri);
  return vscode.Uri.from({ scheme: SCHEME, path, query: String(held.id) });
}

function idOf(uri: vscode.Uri): number {
  return Number(uri.query);
}

function documentOf(held: Held): vscode.TextDocument | undefined {
  const address = vscode.Uri.parse(held.uri).toString();
  return vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === address);
}

async function compare(held: Held): Promise<void> {
  const uri = vscode.Uri.parse(held.uri);
  await vscode.commands.executeCommand("vscode.diff", uri, diffUri(held), held.title);
}

async function closeDiff(held: Held): Promise<void> {
  const address = diffUri(held).toString();
  const tabs = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(
      ({ input }) =>
        input instanceof vscode.TabInputTextDiff && input.modified.toString() === address,
    );
  await vscode.window.tabGroups.close(tabs);
}
