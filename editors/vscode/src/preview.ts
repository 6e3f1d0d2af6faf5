/** A text that is being written, shown where it will stand until it is complete. */

import * as vscode from "vscode";

import { shortened } from "./shortened";

/** What the server tells: the whole text so far. */
export interface Preview {
  readonly uri: string;
  readonly position: { readonly line: number; readonly character: number };
  readonly text: string;
  readonly complete: boolean;
}

export class Previews implements vscode.Disposable {
  readonly #type = vscode.window.createTextEditorDecorationType({
    after: {
      color: new vscode.ThemeColor("editorGhostText.foreground"),
      fontStyle: "italic",
    },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });

  show(preview: Preview): void {
    const uri = vscode.Uri.parse(preview.uri).toString();
    const { line, character } = preview.position;
    const decorations: vscode.DecorationOptions[] = preview.complete
      ? []
      : [
          {
            range: new vscode.Range(line, character, line, character),
            renderOptions: { after: { contentText: shortened(preview.text) } },
            hoverMessage: new vscode.MarkdownString().appendCodeblock(preview.text),
          },
        ];
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document.uri.toString() === uri) {
        editor.setDecorations(this.#type, decorations);
      }
    }
  }

  /** Take everything back: the server that wrote is gone. */
  clear(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.#type, []);
    }
  }

  dispose(): void {
    this.#type.dispose();
  }
}
