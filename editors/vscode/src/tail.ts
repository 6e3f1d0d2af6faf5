/** The last lines of what a program wrote, for the message when it has failed. */

const KEPT = 40;

export class Tail {
  readonly #lines: string[] = [];
  #end: Promise<unknown> = Promise.resolve();

  add(line: string): void {
    if (line.trim() !== "") {
      this.#lines.push(line);
      this.#lines.splice(0, this.#lines.length - KEPT);
    }
  }

  clear(): void {
    this.#lines.length = 0;
    this.#end = Promise.resolve();
  }

  /** Know when there is no more to come. */
  endsWith(end: Promise<unknown>): void {
    this.#end = end;
  }

  /** Wait for the end, at most so long: it may come after the news that the program is gone. */
  async whole(limit: number): Promise<void> {
    await Promise.race([this.#end, new Promise((resolve) => setTimeout(resolve, limit))]);
  }

  /** The last lines; few enough for a message. */
  last(count = 5): string {
    return this.#lines.slice(-count).join("\n");
  }
}
