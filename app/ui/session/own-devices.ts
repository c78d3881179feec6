/**
 * What the account's own devices have signed about themselves, asked again after changes and now and then.
 *
 * Asking goes to the server, so it waits for a pause, and a page that nobody looks at does not ask.
 */
import type { Client, FrontierReport } from "@dovetail/core";

const PAUSE_MS = 1_000;
const EVERY_MS = 60_000;

export class OwnDevices {
  /** Null until the first answer. */
  report: FrontierReport | null = null;
  #client: Client;
  #onChange: () => void;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #interval: ReturnType<typeof setInterval> | undefined;

  constructor(client: Client, onChange: () => void) {
    this.#client = client;
    this.#onChange = onChange;
  }

  open(): void {
    this.#interval ??= setInterval(this.refresh, EVERY_MS);
    document.addEventListener("visibilitychange", this.refresh);
  }

  /** Asks no more, and forgets the answer. */
  close(): void {
    clearTimeout(this.#pause);
    clearInterval(this.#interval);
    this.#pause = undefined;
    this.#interval = undefined;
    this.report = null;
    document.removeEventListener("visibilitychange", this.refresh);
  }

  /** Asks soon; what is asked for meanwhile is one question. */
  readonly refresh = (): void => {
    if (this.#pause !== undefined || this.#interval === undefined || document.visibilityState !== "visible")
      return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      void this.#read();
    }, PAUSE_MS);
  };

  async #read(): Promise<void> {
    const report = await this.#client.deviceFrontiers();
    if (this.#interval === undefined || !report.ok) return;
    this.report = report.value;
    this.#onChange();
  }
}
