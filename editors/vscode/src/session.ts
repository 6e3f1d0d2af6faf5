/** The server's life: found, started, started again after a crash, and given up with a reason. */

import * as vscode from "vscode";
import { State as ClientState, type LanguageClient } from "vscode-languageclient/node";

import { Backoff } from "./backoff";
import { makeClient } from "./client";
import { findServer, type Origin } from "./find";
import { applyGrowing, type GrowingEdit } from "./growing";
import { install } from "./install";
import type { ApiKey } from "./key";
import { LateSuggestions } from "./late";
import { surroundings } from "./machine";
import type { Held } from "./holding";
import { HeldEdits } from "./held";
import { Previews, type Preview } from "./preview";
import { spendOf, stateOf, type Told } from "./state";
import type { Status } from "./status";
import { Tail } from "./tail";

const ANSWER_MS = 60_000;
const LAST_WORDS_MS = 1_000;
const IS_NO_PROGRAM = /\b(ENOENT|EACCES)\b/;

export class Session implements vscode.Disposable {
  readonly #previews = new Previews();
  readonly #held = new HeldEdits(this);
  readonly #late = new LateSuggestions();
  readonly #backoff = new Backoff();
  readonly #tail = new Tail();
  #client: LanguageClient | undefined;
  #offered = false;
  #origin: Origin | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The start or stop under way; each waits for the one before. */
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly key: ApiKey,
    private readonly status: Status,
    readonly log: vscode.LogOutputChannel,
    private readonly trace: vscode.LogOutputChannel,
  ) {}

  /** Start the server, or start it anew. */
  restart(): Promise<void> {
    this.#backoff.reset();
    return this.#inTurn(() => this.#start());
  }

  async stop(): Promise<void> {
    await this.#inTurn(() => this.#stop());
  }

  /** Start it anew if another interpreter may change which server is found. */
  async interpreterChanged(): Promise<void> {
    if (this.#origin !== "setting" && this.#origin !== "path") {
      await this.restart();
    }
  }

  /** Install the server into the extension's own environment, and start it. */
  async install(): Promise<void> {
    await this.stop(); // on some systems what runs can't be replaced
    await install(this.context, this.log);
    await this.restart();
  }

  /** Send a command to the server, once it runs. Throws with the server's words if it fails. */
  async execute(command: string, argument: object | string): Promise<void> {
    await this.#turn;
    if (this.#client?.state !== ClientState.Running) {
      throw new Error("the server is not running; the status bar says why");
    }
    await this.#client.sendRequest("workspace/executeCommand", { command, arguments: [argument] });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#late.dispose();
    this.#previews.dispose();
    this.#held.dispose();
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(step).catch((error: unknown) => this.log.error(String(error)));
    return this.#turn;
  }

  async #start(): Promise<void> {
    await this.#stop();
    this.status.show({ kind: "starting" });
    const command = await findServer(surroundings(this.context));
    this.#origin = command?.origin;
    if (command === undefined) {
      this.status.show({ kind: "missing" });
      if (!this.#offered) {
        this.#offered = true; // afterwards the status says it
        void this.#offerToInstall();
      }
      return;
    }
    this.log.info(`starting ${[command.program, ...command.arguments].join(" ")}`);
    this.#tail.clear();
    const client = makeClient(command, await this.key.environment(), {
      log: this.log,
      trace: this.trace,
      tail: this.#tail,
      late: this.#late,
      manifest: this.context.extension.packageJSON,
      // A server that is not the newest one any more was ended on purpose.
      closed: () => client === this.#client && this.#crashed("it ended unexpectedly"),
    });
    this.#client = client;
    client.onRequest("claude/input", async (asked: { prompt: string; default?: string | null }) => {
      const text = await vscode.window.showInputBox({
        title: "Claude",
        prompt: asked.prompt,
        value: asked.default ?? "",
        ignoreFocusOut: true,
      });
      return text === undefined ? null : { text };
    });
    client.onRequest("claude/applyEdit", (asked: GrowingEdit) => applyGrowing(asked));
    client.onNotification("claude/status", (told: Told) => {
      const state = stateOf(told);
      if (state !== undefined && client === this.#client) {
        this.status.show(state, spendOf(told));
      }
    });
    client.onNotification("claude/preview", (preview: Preview | Held) => {
      if ("id" in preview) {
        this.#held.show(preview);
      } else {
        this.#previews.show(preview);
      }
    });
    // A server that never answers is ended, and so treated as one that has crashed.
    const limit = setTimeout(() => client.serverProcess?.kill(), ANSWER_MS);
    try {
      await client.start();
    } catch (error) {
      if (client === this.#client) {
        this.#failed(error instanceof Error ? error.message : String(error));
      }
      return;
    } finally {
      clearTimeout(limit);
    }
    await this.#setContexts(true);
  }

  /** Whether the server that runs has a command. */
  can(command: string): boolean {
    const known = this.#client?.initializeResult?.capabilities.executeCommandProvider?.commands;
    return known?.includes(command) ?? false;
  }

  async #setContexts(running: boolean): Promise<void> {
    const set = (name: string, value: boolean): Thenable<unknown> =>
      vscode.commands.executeCommand("setContext", `claude-lsp.${name}`, value);
    await set("running", running);
    await set("canDismiss", running && this.can("claude.dismiss"));
    await set("canOpenReport", running && this.can("claude.openReport"));
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#clearPreviews();
    if (client !== undefined) {
      await this.#setContexts(false);
      await client.dispose().catch((error: unknown) => this.log.warn(String(error)));
    }
  }

  /** Deal with a server that could not be started. */
  #failed(reason: string): void {
    if (IS_NO_PROGRAM.test(reason)) {
      void this.#giveUp(reason); // trying again would not help
    } else {
      this.#crashed(reason);
    }
  }

  /** Start it again after a while, or give up and say why. */
  #crashed(reason: string): void {
    const delay = this.#backoff.crashed(Date.now());
    if (delay === undefined) {
      void this.#giveUp(reason);
      return;
    }
    this.#letGo();
    this.log.warn(`the server is gone (${reason}); it is started again in ${delay / 1000} s`);
    this.status.show({ kind: "stopped", reason: `The server is gone and starts again soon: ${reason}` });
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#start()), delay);
  }

  /** Forget a server that is gone, so that it is told once, by whoever comes first. */
  #letGo(): void {
    const gone = this.#client;
    this.#client = undefined;
    this.#clearPreviews();
    void gone?.dispose().catch((error: unknown) => this.log.debug(String(error)));
  }

  #clearPreviews(): void {
    this.#previews.clear();
    this.#held.clear();
  }

  async #giveUp(reason: string): Promise<void> {
    this.#letGo();
    await this.#tail.whole(LAST_WORDS_MS);
    const tail = this.#tail.last();
    this.log.error(`the server does not stay up: ${reason}`);
    this.status.show({ kind: "stopped", reason: `The server does not stay up: ${reason}\n${tail}` });
    void this.#tellGivenUp(reason, tail);
  }

  async #tellGivenUp(reason: string, tail: string): Promise<void> {
    const choice = await vscode.window.showErrorMessage(
      `Claude: the server does not stay up: ${reason}. Its last words: ${tail || "none"}`,
      "Restart",
      "Show Log",
    );
    if (choice === "Restart") {
      await this.restart();
    } else if (choice === "Show Log") {
      this.log.show();
    }
  }

  async #offerToInstall(): Promise<void> {
    const choice = await vscode.window.showWarningMessage(
      "Claude: the server claude-lsp was not found: not in claude.server.command, on the PATH, " +
        "or in the Python extension's interpreter. It can be installed into an environment of its own.",
      "Install",
      "Open Settings",
    );
    if (choice === "Install") {
      await this.install();
    } else if (choice === "Open Settings") {
      await vscode.commands.executeCommand("workbench.action.openSettings", "claude.server");
    }
  }
}
