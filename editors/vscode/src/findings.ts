/** The tree of findings, by severity, file or rule. */

import * as vscode from "vscode";

import { tellFailure } from "./client";
import { codeOf, fingerprintOf, SOURCE } from "./diagnostics";
import { grouped, GROUPINGS, type Group, type Grouped, type Grouping } from "./grouping";
import { plain } from "./ranges";
import type { Session } from "./session";

interface Finding extends Grouped {
  readonly uri: vscode.Uri;
  readonly diagnostic: vscode.Diagnostic;
}

type Node = Group<Finding> | Finding;

const VIEW = "claude-lsp.findings";
const REMEMBERED = "findings.grouping";
const ICONS = ["error", "warning", "info", "lightbulb"];

export class Findings implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #disposables: vscode.Disposable[];
  readonly #view: vscode.TreeView<Node>;

  constructor(
    private readonly session: Session,
    private readonly memory: vscode.Memento,
  ) {
    this.#view = vscode.window.createTreeView<Node>(VIEW, {
      treeDataProvider: this,
      showCollapseAll: true,
      canSelectMany: true,
    });
    this.#disposables = [
      this.#changed,
      this.#view,
      vscode.languages.onDidChangeDiagnostics(() => this.#refresh()),
      vscode.commands.registerCommand("claude-lsp.group", () => this.#chooseGrouping()),
      vscode.commands.registerCommand("claude-lsp.dismiss", (node?: Node, selected?: Node[]) =>
        this.#dismiss(selected ?? (node === undefined ? [...this.#view.selection] : [node])),
      ),
      vscode.commands.registerCommand("claude-lsp.fixFinding", (node: Finding) => this.#fix(node)),
    ];
    this.#refresh();
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) {
      return grouped(allFindings(), this.#grouping);
    }
    return "findings" in node ? [...node.findings] : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ("findings" in node) {
      const item = new vscode.TreeItem(node.label, vscode.TreeItemCollapsibleState.Expanded);
      item.description = String(node.findings.length);
      item.contextValue = "group";
      return item;
    }
    const { diagnostic, uri } = node;
    const [title] = diagnostic.message.split("\n", 1);
    const item = new vscode.TreeItem(title ?? "");
    item.description = `${node.file}:${node.line + 1}`;
    item.tooltip = `${diagnostic.message}\n\n${node.rule}`;
    item.iconPath = new vscode.ThemeIcon(ICONS[node.severity] ?? "info");
    item.contextValue = "finding";
    item.command = {
      command: "vscode.open",
      title: "Go to the finding",
      arguments: [uri, { selection: diagnostic.range } satisfies vscode.TextDocumentShowOptions],
    };
    return item;
  }

  dispose(): void {
    vscode.Disposable.from(...this.#disposables).dispose();
  }

  get #grouping(): Grouping {
    const kept = this.memory.get<string>(REMEMBERED);
    return GROUPINGS.find((each) => each === kept) ?? "severity";
  }

  #refresh(): void {
    const count = allFindings().length;
    this.#view.badge =
      count === 0 ? undefined : { value: count, tooltip: `${count} finding${count === 1 ? "" : "s"}` };
    this.#view.description = `by ${this.#grouping}`;
    this.#changed.fire();
  }

  async #chooseGrouping(): Promise<void> {
    const choice = await vscode.window.showQuickPick([...GROUPINGS], {
      title: "Claude: group the findings by",
    });
    if (choice !== undefined) {
      await this.memory.update(REMEMBERED, choice);
      this.#refresh();
    }
  }

  /** Dismiss findings; for good if the server can keep that in mind, else until they are found again. */
  async #dismiss(nodes: readonly Node[]): Promise<void> {
    const chosen = new Map<string, { uri: string; fingerprint: string }>();
    for (const finding of nodes.flatMap((node) => ("findings" in node ? node.findings : [node]))) {
      const [uri, fingerprint] = [finding.uri.toString(), fingerprintOf(finding.diagnostic)];
      chosen.set(`${uri} ${fingerprint}`, { uri, fingerprint });
    }
    try {
      if (this.session.can("claude.dismiss")) {
        await this.session.execute("claude.dismiss", [...chosen.values()]);
        return;
      }
      for (const uri of new Set([...chosen.values()].map((finding) => finding.uri))) {
        const inFile = [...chosen.values()].filter((finding) => finding.uri === uri);
        const fingerprints = inFile.map(({ fingerprint }) => fingerprint);
        await this.session.execute("claude.clear", { uri, fingerprints });
      }
    } catch (error) {
      tellFailure(error);
    }
  }

  async #fix(node: Finding): Promise<void> {
    try {
      // The server takes only documents that are open; and what changes should be seen.
      await vscode.window.showTextDocument(node.uri, { selection: node.diagnostic.range });
      await this.session.execute("claude.fix", {
        uri: node.uri.toString(),
        range: plain(node.diagnostic.range),
      });
    } catch (error) {
      tellFailure(error);
    }
  }
}

function allFindings(): Finding[] {
  return vscode.languages.getDiagnostics().flatMap(([uri, diagnostics]) =>
    diagnostics
      .filter((diagnostic) => diagnostic.source === SOURCE)
      .map((diagnostic) => ({
        uri,
        diagnostic,
        severity: diagnostic.severity,
        file: vscode.workspace.asRelativePath(uri),
        rule: codeOf(diagnostic),
        line: diagnostic.range.start.line,
      })),
  );
}
