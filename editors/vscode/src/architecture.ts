/** The page that draws a project's modules, in a view of its own: computed from the code, nothing is sent. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import * as vscode from "vscode";

import { findServer } from "./find";
import { surroundings } from "./machine";

const LARGEST = 64 * 1024 * 1024;
/** The page says itself what it may do; one that does not is not shown. */
const STRICT = /<meta http-equiv="Content-Security-Policy" content="default-src 'none';/;

/** Compute the page of the folder of the document, or of the first one, and show it. */
export async function openArchitecture(context: vscode.ExtensionContext): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const folder =
    (document && vscode.workspace.getWorkspaceFolder(document.uri)) ?? vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined) {
    throw new Error("open a folder first");
  }
  const page = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: "Claude: Reading the Modules", cancellable: true },
    (_, cancelled) => pageOf(context, folder, cancelled),
  );
  if (page === undefined) {
    return;
  }
  if (!STRICT.test(page)) {
    throw new Error("the server's page does not limit what it may do, so it is not shown");
  }
  const panel = vscode.window.createWebviewPanel(
    "claude-lsp.architecture",
    `Architecture: ${folder.name}`,
    vscode.ViewColumn.Active,
    { enableScripts: true, enableFindWidget: true, localResourceRoots: [] },
  );
  panel.webview.html = page;
}

async function pageOf(
  context: vscode.ExtensionContext,
  folder: vscode.WorkspaceFolder,
  cancelled: vscode.CancellationToken,
): Promise<string | undefined> {
  const server = await findServer(surroundings(context));
  if (server === undefined) {
    throw new Error("there is no server; the status bar says how to get it");
  }
  const own = server.arguments.filter((word) => word !== "serve" && word !== "--stdio");
  const ended = new AbortController();
  cancelled.onCancellationRequested(() => ended.abort());
  try {
    const { stdout } = await promisify(execFile)(
      server.program,
      [...own, "arch", "--facts-only", "--format", "html", "--root", folder.uri.fsPath],
      { cwd: folder.uri.fsPath, maxBuffer: LARGEST, signal: ended.signal },
    );
    return stdout;
  } catch (error) {
    if (ended.signal.aborted) {
      return undefined;
    }
    const said = (error as { stdout?: string; stderr?: string }) ?? {};
    // Findings, or a part that could not be read, end it with another code than 0; the page is whole.
    if (said.stdout !== undefined && STRICT.test(said.stdout)) {
      return said.stdout;
    }
    throw new Error(said.stderr?.trim().split("\n").at(-1) ?? String(error));
  }
}
