/** The pieces of an answer, which stream into a conversation one by one, as one step to undo. */

import * as vscode from "vscode";
import type { ApplyWorkspaceEditParams, ApplyWorkspaceEditResult, TextEdit } from "vscode-languageclient/node";

const LABEL = "Claude: Continue";

/** The document of the last piece, as it was after that; whatever else changes it begins a new step. */
let last = "";

function stateOf(document: vscode.TextDocument): string {
  return `${document.version} ${document.uri.toString()}`;
}

/** Apply an edit that is a piece of an answer, joined to the piece before; undefined for any other. */
export async function applyPiece(params: ApplyWorkspaceEditParams): Promise<ApplyWorkspaceEditResult | undefined> {
  const [change] = params.edit.documentChanges ?? [];
  if (params.label !== LABEL || change === undefined || !("edits" in change)) {
    return undefined;
  }
  const uri = vscode.Uri.parse(change.textDocument.uri).toString();
  const editor = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri);
  if (editor?.document.version !== change.textDocument.version) {
    return undefined;
  }
  const { document } = editor;
  const applied = await editor.edit(
    (builder) => {
      for (const { range, newText } of change.edits as TextEdit[]) {
        const { start, end } = range;
        builder.replace(new vscode.Range(start.line, start.character, end.line, end.character), newText);
      }
    },
    { undoStopBefore: stateOf(document) !== last, undoStopAfter: false },
  );
  last = stateOf(document);
  return { applied };
}
