/** What happens when the extension is activated; nothing here waits for the server. */

import * as vscode from "vscode";

import { openArchitecture } from "./architecture";
import { tellFailure } from "./client";
import { registerCommands } from "./commands";
import { Findings } from "./findings";
import { ApiKey } from "./key";
import { onInterpreterChange } from "./machine";
import { Session } from "./session";
import { Status } from "./status";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Claude LSP", { log: true });
  const trace = vscode.window.createOutputChannel("Claude LSP Trace", { log: true });
  const status = new Status();
  const key = new ApiKey(context.secrets);
  const started = new Session(context, key, status, log, trace);
  session = started;
  const register = (name: string, command: () => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`claude-lsp.${name}`, command);
  context.subscriptions.push(
    log,
    trace,
    status,
    started,
    new Findings(started, context.workspaceState),
    ...registerCommands(started),
    register("restart", () => started.restart()),
    register("install", () => started.install()),
    register("openArchitecture", () => openArchitecture(context).catch(tellFailure)),
    register("showLog", async () => log.show()),
    register("setApiKey", async () => {
      if (await key.ask()) {
        await started.restart();
      }
    }),
    register("forgetApiKey", async () => {
      await key.forget();
      await started.restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void started.restart()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (["claude.server.command", "claude.preview"].some((key) => event.affectsConfiguration(key))) {
        void started.restart();
      }
    }),
  );
  void started.restart();
  void followInterpreter(context, started);
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}

async function followInterpreter(
  context: vscode.ExtensionContext,
  started: Session,
): Promise<void> {
  try {
    context.subscriptions.push(await onInterpreterChange(() => void started.interpreterChanged()));
  } catch (error) {
    started.log.warn(`the Python extension can't be asked: ${String(error)}`);
  }
}
