/** How long to wait before a server that has crashed is started again, and when to give up. */

const WINDOW_MS = 180_000;
const FIRST_MS = 1_000;
const MOST = 5;

export class Backoff {
  #crashes: number[] = [];

  /** Note a crash; return the time to wait in ms, or undefined after too many of them. */
  crashed(now: number): number | undefined {
    this.#crashes = this.#crashes.filter((time) => now - time < WINDOW_MS);
    this.#crashes.push(now);
    const count = this.#crashes.length;
    return count > MOST ? undefined : FIRST_MS * 2 ** (count - 1);
  }

  /** Forget what has happened: the user starts it anew. */
  reset(): void {
    this.#crashes = [];
  }
}
