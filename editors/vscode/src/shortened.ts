/** One line that stands for a growing text: the line being written, and how many there are. */

const WIDEST = 80;

export function shortened(text: string): string {
  const lines = text.trimEnd().split(/\r\n|\r|\n/);
  const last = (lines.at(-1) ?? "").trim();
  // By code points, so that no character is cut in two.
  const points = [...last];
  const shown = points.length > WIDEST ? `…${points.slice(-WIDEST + 1).join("")}` : last;
  return lines.length > 1 ? `${shown}  (${lines.length} lines)` : shown;
}
