/** The last lines of what a program wrote, for the message when it has failed. */

const KEPT = 40;

export class Tail {
  readonly #lines: string[] = [];

  add(line: string): void {
    if (line.trim() !== "") {
      this.#lines.push(line);
      this.#lines.splice(0, this.#lines.length - KEPT);
    }
  }

  clear(): void {
    this.#lines.length = 0;
  }

  /** The last lines; few enough for a message. */
  last(count = 5): string {
    return this.#lines.slice(-count).join("\n");
  }
}
