/** What the server is doing, in the words and signs that the status shows. */

export type State =
  | { readonly kind: "starting" }
  | { readonly kind: "missing" }
  | { readonly kind: "stopped"; readonly reason: string }
  | { readonly kind: "idle" }
  | { readonly kind: "working"; readonly what: string }
  | { readonly kind: "blocked"; readonly reason: string };

/** What the server tells with `claude/status`. */
export type Told = Readonly<Record<string, unknown>>;

/** What today has cost in US dollars and may cost; undefined where it is not known. */
export interface Spend {
  readonly today: number | undefined;
  readonly limit: number | undefined;
  /** Of that, what nobody asked for: completions while typing. */
  readonly automatic: number | undefined;
  readonly automaticLimit: number | undefined;
}

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
export function stateOf(told: Told): State | undefined {
  const detail = typeof told["detail"] === "string" ? told["detail"] : "";
  switch (told["state"]) {
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

/** Read what the server says about money. */
export function spendOf(told: Told): Spend {
  const number = (name: string): number | undefined => {
    const value = told[`spend_${name}_usd`];
    return typeof value === "number" ? value : undefined;
  };
  return {
    today: number("today"),
    limit: number("limit"),
    automatic: number("automatic_today"),
    automaticLimit: number("automatic_limit"),
  };
}

/** What is said of the money, in a line; nothing where the server says nothing. */
export function spendLine(spend: Spend | undefined): string {
  if (spend?.limit === undefined) {
    return "";
  }
  const today = spend.today === undefined ? "cost not known" : dollars(spend.today);
  const line = `Today: ${today} of ${dollars(spend.limit)}`;
  return spend.automatic === undefined || spend.automaticLimit === undefined
    ? line
    : `${line}, unasked ${dollars(spend.automatic)} of ${dollars(spend.automaticLimit)}`;
}

function dollars(amount: number): string {
  return amount > 0 && amount < 0.01 ? "under $0.01" : `$${amount.toFixed(2)}`;
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
