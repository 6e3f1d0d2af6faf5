/** The state in the status bar, and its reason in the language status. */

import * as vscode from "vscode";

import { appearance, spendLine, type Spend, type State } from "./state";

const SEVERITIES = {
  information: vscode.LanguageStatusSeverity.Information,
  warning: vscode.LanguageStatusSeverity.Warning,
  error: vscode.LanguageStatusSeverity.Error,
} as const;

export class Status implements vscode.Disposable {
  readonly #bar = vscode.window.createStatusBarItem("state", vscode.StatusBarAlignment.Right, 50);
  readonly #language = vscode.languages.createLanguageStatusItem("claude-lsp", { pattern: "**" });

  constructor() {
    this.#bar.name = this.#language.name = "Claude";
    this.show({ kind: "starting" });
    this.#bar.show();
  }

  show(state: State, spend?: Spend): void {
    const { icon, text, detail: what, busy, severity, command } = appearance(state);
    const [id, title] = command;
    const detail = [what, spendLine(spend)].filter(Boolean).join("\n");
    this.#bar.text = `${icon} ${text}`;
    this.#bar.tooltip = `${detail}\n(${title})`;
    this.#bar.accessibilityInformation = { label: `Claude: ${detail}`, role: "button" };
    this.#bar.command = id;
    this.#bar.backgroundColor =
      severity === "information"
        ? undefined
        : new vscode.ThemeColor(`statusBarItem.${severity}Background`);
    this.#language.text = text;
    this.#language.detail = detail.replaceAll("\n", " · ");
    this.#language.busy = busy;
    this.#language.severity = SEVERITIES[severity];
    this.#language.command = { command: id, title };
  }

  dispose(): void {
    this.#bar.dispose();
    this.#language.dispose();
  }
}
