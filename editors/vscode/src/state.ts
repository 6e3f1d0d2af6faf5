/** What the server is doing, in the words and signs that the status shows. */

export type State =
  | { readonly kind: "starting" }
  | { readonly kind: "missing" }
  | { readonly kind: "stopped"; readonly reason: string }
  | { readonly kind: "idle" }
  | { readonly kind: "working"; readonly what: string }
  | { readonly kind: "blocked"; readonly reason: string };

/** How a state is shown. */
export interface Appearance {
  readonly icon: string;
  readonly text: string;
  readonly detail: string;
  readonly busy: boolean;
  readonly severity: "information" | "warning" | "error";
  /** What a click does: the command and its title. */
  readonly command: readonly [string, string];
}

const SHOW_LOG = ["claude-lsp.showLog", "Show the log"] as const;

/** Read the server's own word about its state; undefined if it is not understood. */
export function stateOf(told: { readonly state?: unknown; readonly detail?: unknown }): State | undefined {
  const detail = typeof told.detail === "string" ? told.detail : "";
  switch (told.state) {
    case "idle":
      return { kind: "idle" };
    case "working":
      return { kind: "working", what: detail };
    case "blocked":
      return { kind: "blocked", reason: detail };
    default:
      return undefined;
  }
}

export function appearance(state: State): Appearance {
  const calm = { busy: false, severity: "information", command: SHOW_LOG } as const;
  switch (state.kind) {
    case "starting":
      return { ...calm, icon: "$(loading~spin)", text: "Claude", detail: "Starting the server", busy: true };
    case "idle":
      return { ...calm, icon: "$(sparkle)", text: "Claude", detail: "Ready" };
    case "working":
      return { ...calm, icon: "$(loading~spin)", text: "Claude", detail: `At work: ${state.what}`, busy: true };
    case "blocked":
      return {
        ...calm,
        icon: "$(warning)",
        text: "Claude",
        detail: state.reason,
        severity: "warning",
        // Only a new key helps where there is none or it is refused; else the log says more.
        command: /key/i.test(state.reason) ? ["claude-lsp.setApiKey", "Set API key"] : SHOW_LOG,
      };
    case "missing":
      return {
        ...calm,
        icon: "$(error)",
        text: "Claude",
        detail: "The server claude-lsp was not found on this machine.",
        severity: "error",
        command: ["claude-lsp.install", "Install the server"],
      };
    case "stopped":
      return {
        ...calm,
        icon: "$(error)",
        text: "Claude",
        detail: state.reason,
        severity: "error",
        command: ["claude-lsp.restart", "Restart"],
      };
  }
}
