/** The server, installed into an environment of the extension's own. */

import { mkdir, rm } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

import { firstExecutable, ownPython } from "./find";
import { canRun, isExecutable, ownEnvironment } from "./machine";
import { run } from "./run";
import { Tail } from "./tail";

const OLDEST = "3.11";
const IS_NEW_ENOUGH = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
const PYTHONS = ["python3", "python", "python3.13", "python3.12", "python3.11", "py"];

/** Install the server, with progress. Returns whether it is there now; the user knows why not. */
export async function install(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<boolean> {
  const tail = new Tail();
  const heard = (line: string): void => {
    log.info(line);
    tail.add(line);
  };
  try {
    return await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: "Claude: installing the server",
        cancellable: true,
      },
      async (progress, token) => {
        try {
          await build(context, heard, (message) => progress.report({ message }), token);
          return true;
        } catch (error) {
          // What is half made would be found at the next start.
          await rm(ownEnvironment(context), { recursive: true, force: true });
          if (token.isCancellationRequested) {
            return false;
          }
          throw error;
        }
      },
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error(`the server could not be installed: ${reason}`);
    const choice = await vscode.window.showErrorMessage(
      `Claude: the server could not be installed. ${reason}. ${tail.last(2)}`,
      "Show Log",
    );
    if (choice !== undefined) {
      log.show();
    }
    return false;
  }
}

async function build(
  context: vscode.ExtensionContext,
  heard: (line: string) => void,
  report: (message: string) => void,
  token: vscode.CancellationToken,
): Promise<void> {
  const environment = ownEnvironment(context);
  const wanted = vscode.workspace.getConfiguration("claude").get("server.package", "claude-lsp");
  const windows = process.platform === "win32";
  const machine = { searchPath: process.env["PATH"] ?? "", windows, isExecutable };
  const python = ownPython(environment, windows);
  await mkdir(path.dirname(environment), { recursive: true });
  const uv = await firstExecutable(machine, "uv");
  if (uv !== undefined) {
    report("making an environment with uv");
    await run(uv, ["venv", "--clear", "--python", `>=${OLDEST}`, environment], heard, token);
    report(`installing ${wanted}`);
    await run(uv, ["pip", "install", "--python", python, wanted], heard, token);
  } else {
    const base = await newEnough(machine);
    report("making an environment with venv");
    await run(base, ["-m", "venv", "--clear", environment], heard, token);
    report(`installing ${wanted}`);
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", wanted];
    await run(python, pip, heard, token);
  }
}

async function newEnough(machine: Parameters<typeof firstExecutable>[0]): Promise<string> {
  let old = "";
  for (const name of PYTHONS) {
    const found = await firstExecutable(machine, name);
    if (found !== undefined && (await canRun(found, IS_NEW_ENOUGH))) {
      return found;
    }
    old ||= found ?? "";
  }
  const what = old === "" ? "No Python was found" : `${old} is too old`;
  throw new Error(`${what}: install uv, or Python ${OLDEST} or newer, and try again`);
}
