/** A program run to its end, line by line, and ended early when the user cancels. */

import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { createInterface } from "node:readline";

import type * as vscode from "vscode";

/** Run a program; throws with a sentence for the user if it can't be run or fails. */
export function run(
  program: string,
  args: readonly string[],
  onLine: (line: string) => void,
  token: vscode.CancellationToken,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: homedir(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const cancelled = token.onCancellationRequested(() => child.kill());
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream, crlfDelay: Infinity }).on("line", onLine);
    }
    child.on("error", (error) => {
      cancelled.dispose();
      reject(new Error(`${program} could not be run: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      cancelled.dispose();
      if (code === 0) {
        resolve();
      } else {
        reject(new Error(`${program} ended with ${code === null ? String(signal) : `code ${code}`}`));
      }
    });
  });
}
