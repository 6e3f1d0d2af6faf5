/** One connection to one server process. */

import { once } from "node:events";
import { createInterface } from "node:readline";
import { homedir } from "node:os";

import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type StaticFeature,
} from "vscode-languageclient/node";

import type { ServerCommand } from "./find";
import type { LateSuggestions } from "./late";
import { chosenSettings, settingKeys } from "./settings";
import type { Tail } from "./tail";



/** Of the documents that the server is told of. */
export const SCHEMES: readonly string[] = ["file", "untitled"];

/** Where a client writes, and whom it tells that its server is gone. */
export interface ClientSurroundings {
  readonly log: vscode.LogOutputChannel;
  readonly trace: vscode.LogOutputChannel;
  readonly tail: Tail;
  readonly late: LateSuggestions;
  readonly manifest: unknown;
  readonly closed: () => void;
}

export function makeClient(
  command: ServerCommand,
  environment: NodeJS.ProcessEnv,
  around: ClientSurroundings,
): LanguageClient {
  const keys = settingKeys(around.manifest, "claude");
  const options: LanguageClientOptions = {
    documentSelector: SCHEMES.map((scheme) => ({ scheme })),
    outputChannel: around.log,
    traceOutputChannel: around.trace,
    stdioOptions: {
      stdout: () => undefined, // the protocol's
      stderr: (stream) => {
        const lines = createInterface({ input: stream, crlfDelay: Infinity });
        lines.on("line", (line) => {
          around.tail.add(line);
          around.log.info(line);
        });
        around.tail.endsWith(once(lines, "close"));
      },
    },
    initializationFailedHandler: () => false,
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        around.closed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    middleware: {
      workspace: {
        configuration: (params) =>
          params.items.map((item) =>
            item.section === "claude"
              ? chosenSettings(keys, vscode.workspace.getConfiguration("claude"))
              : null,
          ),
      },
      provideInlineCompletionItems: (document, position, context, token, next) =>
        around.late.provide(document, position, context, token, next),
      // A failure in a command is told by the command, once.
      executeCommand: async (name, args, next) => {
        try {
          return await next(name, args);
        } catch (error) {
          tellFailure(error);
          return undefined;
        }
      },
    },
  };
  const client = new LanguageClient(
    "claude",
    "Claude LSP",
    {
      command: command.program,
      args: [...command.arguments],
      // Not the folder: nothing in it may be taken for a part of the server.
      options: { env: environment, cwd: homedir() },
    },
    options,
  );
  client.registerFeature(MORE_THAN_THE_PROTOCOL);
  return client;
}

/** Tell a failed command to the user, in the server's words. */
export function tellFailure(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  void vscode.window.showErrorMessage(`Claude: ${reason}`);
}

/** Says that this editor shows the state, what is being written, edits before they are applied, asks for a line, and joins what grows into one step to undo. */
const MORE_THAN_THE_PROTOCOL: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    const accept = vscode.workspace.getConfiguration("claude").get("preview.accept", true);
    capabilities.experimental = {
      claude: { input: true, status: true, preview: { accept }, joinUndo: true },
    };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};
