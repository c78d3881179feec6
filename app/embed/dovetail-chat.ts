/**
 * `<dovetail-chat>`: what a site's page loads from a Dovetail server to show a chat. It makes one frame of that server and
 * does nothing else: no message passes between page and frame, and neither reads the other (WB43).
 *
 * - `contact`: a contact link, or a handle as `ada` or `ada@chat.example`; the inbox without it.
 * - `theme`: `light` or `dark`; the system's without it.
 * - `label`: what the frame is called to who does not see it.
 * - `allow="camera"`: lets a person scan codes; nothing else can be let in.
 *
 * Contact and theme go in the fragment of the frame's address, which no server is told. Size is the page's to say, by CSS.
 */

const { origin } = new URL(import.meta.url);
const LABEL = "Dovetail chat";
/** Its own scripts, its own storage, forms, and links that open beside the page; not the page's own address. */
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox";

class DovetailChat extends HTMLElement {
  static readonly observedAttributes = ["contact", "theme", "label", "allow"];
  #frame: HTMLIFrameElement | null = null;
  #isLoaded = false;

  connectedCallback(): void {
    if (this.#frame !== null) return;
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", SANDBOX);
    frame.referrerPolicy = "no-referrer";
    frame.loading = "lazy";
    frame.addEventListener("load", () => {
      this.#isLoaded = true;
    });
    this.#frame = frame;
    this.#describe(frame);
    frame.src = this.#address;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      ":host { display: block; block-size: 560px; } :host([hidden]) { display: none; }" +
        " iframe { display: block; inline-size: 100%; block-size: 100%; border: 0; }",
    );
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [sheet];
    root.append(frame);
  }

  /** A frame that is taken out of a page ends; put back, it is another. */
  disconnectedCallback(): void {
    this.#frame?.remove();
    this.#frame = null;
    this.#isLoaded = false;
  }

  attributeChangedCallback(name: string): void {
    const frame = this.#frame;
    if (frame === null) return;
    this.#describe(frame);
    if (name !== "contact" && name !== "theme") return;
    // Only the fragment differs: the frame stays, and no step is added to the page's history.
    if (this.#isLoaded) frame.contentWindow?.location.replace(this.#address);
    else frame.src = this.#address;
  }

  #describe(frame: HTMLIFrameElement): void {
    frame.title = this.getAttribute("label") ?? LABEL;
    frame.allow = (this.getAttribute("allow") ?? "").split(/[\s;]+/).includes("camera") ? "camera" : "";
  }

  get #address(): string {
    const asked = new URLSearchParams();
    for (const name of ["contact", "theme"]) {
      const value = this.getAttribute(name);
      if (value !== null && value !== "") asked.set(name, value);
    }
    return `${origin}/embed.html#${asked}`;
  }
}

if (customElements.get("dovetail-chat") === undefined) customElements.define("dovetail-chat", DovetailChat);
