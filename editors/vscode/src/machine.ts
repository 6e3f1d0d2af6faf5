/** The machine as the search for the server sees it: settings, files, the Python extension. */

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";

import * as vscode from "vscode";

import type { Surroundings } from "./find";

const CHECK_MS = 20_000;

/** The part of the Python extension's interface that is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri: vscode.Uri | undefined } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

export function surroundings(context: vscode.ExtensionContext): Surroundings {
  return {
    configured: vscode.workspace.getConfiguration("claude").get<string[]>("server.command", []),
    home: homedir(),
    folder: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath,
    searchPath: process.env["PATH"] ?? "",
    windows: process.platform === "win32",
    ownEnvironment: ownEnvironment(context),
    isExecutable,
    interpreter,
    canRun,
  };
}

/** The folder of the environment that the extension installs the server into. */
export function ownEnvironment(context: vscode.ExtensionContext): string {
  return path.join(context.globalStorageUri.fsPath, "environment");
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false; // which is the answer
  }
}

/** Whether a program runs and ends well. */
export function canRun(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, [...args], { cwd: homedir(), timeout: CHECK_MS }, (error) =>
      resolve(error === null),
    );
  });
}

/** Call back when the user chooses another interpreter. */
export async function onInterpreterChange(changed: () => void): Promise<vscode.Disposable> {
  const api = await pythonApi();
  return api === undefined
    ? new vscode.Disposable(() => undefined)
    : api.environments.onDidChangeActiveEnvironmentPath(changed);
}

async function interpreter(): Promise<string | undefined> {
  // The interpreter may be the folder's own, so running it is running what is in the folder.
  const api = vscode.workspace.isTrusted ? await pythonApi() : undefined;
  if (api === undefined) {
    return undefined;
  }
  const active = api.environments.getActiveEnvironmentPath();
  return (await api.environments.resolveEnvironment(active))?.executable.uri?.fsPath;
}

async function pythonApi(): Promise<PythonApi | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi>("ms-python.python");
  return extension === undefined ? undefined : await extension.activate();
}
