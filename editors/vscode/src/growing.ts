/** Text that grows in the editor, joined into one step to undo. */

import * as vscode from "vscode";

import type { PlainRange } from "./ranges";

/** What the server asks for: edits of one version of a document. */
export interface GrowingEdit {
  readonly uri: string;
  readonly version: number;
  readonly edits: readonly { readonly range: PlainRange; readonly newText: string }[];
  /** Whether it belongs to the step to undo of the edit before. */
  readonly join: boolean;
}

/** As `workspace/applyEdit` answers. */
export interface Applied {
  readonly applied: boolean;
  readonly failureReason?: string;
}

export async function applyGrowing(asked: GrowingEdit): Promise<Applied> {
  const uri = vscode.Uri.parse(asked.uri);
  const isIt = (document: vscode.TextDocument) => document.uri.toString() === uri.toString();
  const document = vscode.workspace.textDocuments.find(isIt);
  if (document?.version !== asked.version) {
    return { applied: false, failureReason: "the document has changed meanwhile" };
  }
  const edits = asked.edits.map(({ range: { start, end }, newText }) =>
    vscode.TextEdit.replace(
      new vscode.Range(start.line, start.character, end.line, end.character),
      newText,
    ),
  );
  const editor = vscode.window.visibleTextEditors.find((each) => isIt(each.document));
  if (editor === undefined) {
    // Nobody watches it; each piece is a step of its own, as only editors can join them.
    const whole = new vscode.WorkspaceEdit();
    whole.set(uri, edits);
    return { applied: await vscode.workspace.applyEdit(whole) };
  }
  const applied = await editor.edit(
    (builder) => {
      for (const edit of edits) {
        builder.replace(edit.range, edit.newText);
      }
    },
    { undoStopBefore: !asked.join, undoStopAfter: false },
  );
  return { applied };
}
