/** Edits that wait, as the server tells them; without the editor. */

import type { PlainPosition, PlainRange } from "./ranges";

export interface HeldEdit {
  readonly range: PlainRange;
  readonly newText: string;
}

/** The edits of one job in one document. */
export interface Held {
  readonly id: number;
  readonly uri: string;
  readonly title: string;
  readonly edits: readonly HeldEdit[];
  /** Whether all have come; none can be accepted before. */
  readonly ready: boolean;
  /** Whether they wait no more. */
  readonly complete: boolean;
  /** Why, if it was not the user's word. */
  readonly reason: string;
}

const WIDEST = 80;

/** One line that stands for a text: its first one with something in it, and how many there are. */
export function summary(text: string): string {
  const lines = text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/);
  const first = (lines.find((line) => line.trim() !== "") ?? "").trim();
  // By code points, so that no character is cut in two.
  const points = [...first];
  const shown = points.length > WIDEST ? `${points.slice(0, WIDEST - 1).join("")}…` : first;
  if (lines.length > 1) {
    return `${shown}  (${lines.length} lines)`;
  }
  return shown === "" ? "(nothing)" : shown;
}

/** Apply edits that do not overlap to a text. */
export function withEdits(
  text: string,
  edits: readonly HeldEdit[],
  offsetOf: (place: PlainPosition) => number,
): string {
  const spans = edits.map(({ range, newText }) => ({
    start: offsetOf(range.start),
    end: offsetOf(range.end),
    newText,
  }));
  let applied = text;
  for (const { start, end, newText } of spans.sort((one, other) => other.start - one.start || other.end - one.end)) {
    applied = applied.slice(0, start) + newText + applied.slice(end);
  }
  return applied;
}
