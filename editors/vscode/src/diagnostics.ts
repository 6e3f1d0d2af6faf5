/** What a diagnostic of the server says beside its message. */

import type * as vscode from "vscode";

/** The source of the server's own diagnostics. */
export const SOURCE = "claude";

/** A diagnostic's code as a text. */
export function codeOf(diagnostic: Pick<vscode.Diagnostic, "code">): string {
  const code = diagnostic.code;
  return String(typeof code === "object" ? code.value : (code ?? ""));
}

/** The identity of the finding that a diagnostic shows; the client keeps the server's data. */
export function fingerprintOf(diagnostic: object): string {
  const data: unknown = "data" in diagnostic ? diagnostic.data : undefined;
  const given =
    typeof data === "object" && data !== null && "fingerprint" in data ? data.fingerprint : undefined;
  return typeof given === "string" ? given : "";
}
