/**
 * Ghost text that comes late. The editor waits less than a second for it, then takes its request
 * back and opens its own menu, be it empty. The request goes on here as long as the cursor stays,
 * and when its answer comes, the editor is told to ask again: the server knows the answer by then.
 */

import * as vscode from "vscode";

type Answer = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;

interface Pending {
  readonly document: vscode.TextDocument;
  readonly position: vscode.Position;
  readonly cancellation: vscode.CancellationTokenSource;
}

export class LateSuggestions implements vscode.Disposable {
  #pending: Pending | undefined;
  readonly #disposables = [
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (document === this.#pending?.document && contentChanges.length > 0) {
        this.#take();
      }
    }),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      const pending = this.#pending;
      if (textEditor.document === pending?.document && !isAt(textEditor, pending.position)) {
        this.#take();
      }
    }),
  ];

  /** Ask the server, and show its answer even if the editor has stopped waiting. */
  async provide(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
    next: (
      document: vscode.TextDocument,
      position: vscode.Position,
      context: vscode.InlineCompletionContext,
      token: vscode.CancellationToken,
    ) => vscode.ProviderResult<Answer>,
  ): Promise<Answer> {
    this.#take();
    if (context.triggerKind !== vscode.InlineCompletionTriggerKind.Automatic) {
      return await next(document, position, context, token);
    }
    const cancellation = new vscode.CancellationTokenSource();
    const pending = { document, position, cancellation };
    this.#pending = pending;
    const answer = await next(document, position, context, cancellation.token);
    if (this.#pending !== pending) {
      return null;
    }
    this.#pending = undefined;
    cancellation.dispose();
    const editor = vscode.window.activeTextEditor;
    const isMissed = token.isCancellationRequested && count(answer) > 0;
    if (isMissed && editor?.document === document && isAt(editor, position)) {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    }
    return answer;
  }

  dispose(): void {
    this.#take();
    vscode.Disposable.from(...this.#disposables).dispose();
  }

  /** Take back the request under way: nobody wants its answer any more. */
  #take(): void {
    this.#pending?.cancellation.cancel();
    this.#pending?.cancellation.dispose();
    this.#pending = undefined;
  }
}

function isAt(editor: vscode.TextEditor, position: vscode.Position): boolean {
  return editor.selection.isEmpty && editor.selection.active.isEqual(position);
}

function count(answer: Answer): number {
  return (Array.isArray(answer) ? answer : (answer?.items ?? [])).length;
}
