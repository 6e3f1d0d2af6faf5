/** Where the server's program is looked for, in order. */

import * as path from "node:path";

export type Origin = "setting" | "path" | "interpreter" | "own";

/** A program that runs the server. */
export interface ServerCommand {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly origin: Origin;
}

/** What the search needs to know of the machine. */
export interface Surroundings {
  /** The setting `claude.server.command`. */
  readonly configured: readonly string[];
  readonly home: string;
  /** The first folder; `${workspaceFolder}` in the setting. */
  readonly folder: string | undefined;
  readonly searchPath: string;
  readonly windows: boolean;
  /** The folder of the environment that the extension installs into. */
  readonly ownEnvironment: string;
  isExecutable(file: string): Promise<boolean>;
  /** The Python extension's interpreter, if there is one and the folder is trusted. */
  interpreter(): Promise<string | undefined>;
  /** Whether an interpreter can run the server. */
  canRun(python: string, args: readonly string[]): Promise<boolean>;
}

/**
 * An interpreter runs the server as a module. It must not look into the current folder for it
 * (`-P`, Python 3.11): a file of that name there would be run instead.
 */
export const AS_MODULE: readonly string[] = ["-P", "-m", "claude_lsp"];

/** Find the server; undefined if there is none. A setting is believed, so that its faults show. */
export async function findServer(machine: Surroundings): Promise<ServerCommand | undefined> {
  const [program, ...args] = machine.configured;
  if (program !== undefined) {
    return { program: expand(program, machine), arguments: args, origin: "setting" };
  }
  const onPath = await firstExecutable(machine, "claude-lsp");
  if (onPath !== undefined) {
    return { program: onPath, arguments: [], origin: "path" };
  }
  const python = await machine.interpreter();
  if (python !== undefined && (await machine.canRun(python, [...AS_MODULE, "--version"]))) {
    return { program: python, arguments: AS_MODULE, origin: "interpreter" };
  }
  const own = ownPython(machine.ownEnvironment, machine.windows);
  if ((await machine.isExecutable(own)) && (await machine.canRun(own, [...AS_MODULE, "--version"]))) {
    return { program: own, arguments: AS_MODULE, origin: "own" };
  }
  return undefined;
}

/** The interpreter of the extension's own environment. */
export function ownPython(environment: string, windows: boolean): string {
  return windows
    ? path.win32.join(environment, "Scripts", "python.exe")
    : path.posix.join(environment, "bin", "python");
}

/** Look for a program on the PATH. Relative entries are passed over: they depend on the folder. */
export async function firstExecutable(
  machine: Pick<Surroundings, "searchPath" | "windows" | "isExecutable">,
  name: string,
): Promise<string | undefined> {
  const rules = machine.windows ? path.win32 : path.posix;
  const file = machine.windows ? `${name}.exe` : name;
  for (const folder of machine.searchPath.split(rules.delimiter)) {
    if (rules.isAbsolute(folder) && (await machine.isExecutable(rules.join(folder, file)))) {
      return rules.join(folder, file);
    }
  }
  return undefined;
}

function expand(program: string, machine: Surroundings): string {
  if (program.startsWith("~/")) {
    return path.join(machine.home, program.slice(2));
  }
  const variable = "${workspaceFolder}";
  if (program.startsWith(variable) && machine.folder !== undefined) {
    return machine.folder + program.slice(variable.length);
  }
  return program;
}
