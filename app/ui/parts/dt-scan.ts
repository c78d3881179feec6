/**
 * The camera, looking for one of our codes. What it finds goes up as `dt-found`; a code of another kind is named and
 * does nothing: scanning a linking code anywhere but where a new browser is linked links nothing.
 */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { judgeCode, type ScanKind } from "./code-kind.ts";
import { createQrReader } from "./qr-reader.ts";

const SCAN_INTERVAL_MS = 150;

export class DtScan extends LitElement {
  static override properties = { expects: {}, note: { state: true } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: grid;
        gap: 8px;
      }
      video {
        display: block;
        inline-size: 100%;
        max-block-size: 50dvh;
        aspect-ratio: 4 / 3;
        object-fit: cover;
        background: var(--inset);
        border-radius: var(--r2);
      }
    `,
  ];
  declare expects: ScanKind;
  declare note: MessageKey;
  #stream: MediaStream | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.expects = "link";
    this.note = "scanAsking";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }

  async #open(): Promise<void> {
    if (navigator.mediaDevices === undefined) {
      this.note = "scanNone";
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment" },
        audio: false,
      });
      if (!this.isConnected) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.#stream = stream;
    } catch (error) {
      this.note =
        error instanceof DOMException && error.name === "NotFoundError" ? "scanNone" : "scanRefused";
      return;
    }
    this.note = "scanSearching";
    await this.updateComplete;
    const video = this.renderRoot.querySelector("video");
    if (video === null) return;
    video.srcObject = this.#stream;
    await video.play();
    const reader = await createQrReader();
    const canvas = document.createElement("canvas");
    const look = async (): Promise<void> => {
      if (this.#stream === null) return;
      if (video.videoWidth > 0) {
        canvas.width = video.videoWidth;
        canvas.height = video.videoHeight;
        canvas.getContext("2d", { willReadFrequently: true })?.drawImage(video, 0, 0);
        const code = await reader.read(canvas).catch(() => null);
        if (code !== null && this.#found(code)) return;
      }
      this.#timer = setTimeout(() => void look(), SCAN_INTERVAL_MS);
    };
    await look();
  }

  /** Whether `code` is what was looked for. */
  #found(code: string): boolean {
    const fault = judgeCode(code, this.expects);
    this.note = fault ?? "scanFound";
    if (fault !== null) return false;
    this.dispatchEvent(new CustomEvent<string>("dt-found", { detail: code.trim() }));
    return true;
  }

  override render() {
    const hasPicture = this.note !== "scanNone" && this.note !== "scanRefused" && this.note !== "scanAsking";
    return html`${hasPicture ? html`<video muted playsinline aria-label=${text("scanVideo")}></video>` : nothing}
      <p class="note" role="status">${say(this.note)}</p>`;
  }
}

customElements.define("dt-scan", DtScan);
