/** Findings in groups, as the tree shows them. */

export type Grouping = "severity" | "file" | "rule";

export const GROUPINGS: readonly Grouping[] = ["severity", "file", "rule"];

/** A finding, as far as its place in the tree goes. */
export interface Grouped {
  /** 0 for the worst. */
  readonly severity: number;
  /** The file's name, as it is shown. */
  readonly file: string;
  readonly rule: string;
  readonly line: number;
}

export interface Group<Finding> {
  readonly label: string;
  readonly findings: readonly Finding[];
}

const SEVERITIES = ["Critical", "Major", "Minor", "Info"];

/** Put findings into groups: the worst severity first, files and rules by name. */
export function grouped<Finding extends Grouped>(
  findings: readonly Finding[],
  by: Grouping,
): Group<Finding>[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of [...findings].sort((one, other) => order(one, other, by))) {
    const label = labelOf(finding, by);
    groups.set(label, [...(groups.get(label) ?? []), finding]);
  }
  return [...groups].map(([label, members]) => ({ label, findings: members }));
}

function labelOf(finding: Grouped, by: Grouping): string {
  switch (by) {
    case "severity":
      return SEVERITIES[finding.severity] ?? "Info";
    case "file":
      return finding.file;
    case "rule":
      return finding.rule;
  }
}

function order(one: Grouped, other: Grouped, by: Grouping): number {
  const first =
    by === "severity"
      ? one.severity - other.severity
      : labelOf(one, by).localeCompare(labelOf(other, by));
  return first || one.file.localeCompare(other.file) || one.line - other.line;
}
