/** The browser's own reader of QR codes, where it has one; the decoder of our own origin reads for the camera tests. */
import { afterEach, expect, test } from "vitest";
import { createQrReader } from "../../app/ui/parts/qr-reader.ts";

const LOADED = /zxing/;
const picture = document.createElement("canvas");
picture.width = picture.height = 8;
const own = Reflect.getOwnPropertyDescriptor(globalThis, "BarcodeDetector");
afterEach(() => {
  if (own === undefined) Reflect.deleteProperty(globalThis, "BarcodeDetector");
  else Reflect.defineProperty(globalThis, "BarcodeDetector", own);
});

/** A detector of these formats, as browsers that have one hand it out; it sees `seen` in each picture. */
function provideDetector(formats: readonly string[], seen: readonly string[]): void {
  class Detector {
    static getSupportedFormats = async (): Promise<readonly string[]> => formats;
    readonly #formats: readonly string[];
    constructor(options: { readonly formats: readonly string[] }) {
      this.#formats = options.formats;
    }
    async detect(shown: unknown): Promise<readonly { readonly rawValue: string }[]> {
      expect(shown).toBe(picture);
      expect(this.#formats).toEqual(["qr_code"]);
      return seen.map((rawValue) => ({ rawValue }));
    }
  }
  Reflect.defineProperty(globalThis, "BarcodeDetector", { value: Detector, configurable: true });
}

const loadedDecoder = (): boolean =>
  performance.getEntriesByType("resource").some(({ name }) => LOADED.test(name));

test("the browser's own detector reads, and no decoder is loaded beside it", async () => {
  provideDetector(["aztec", "qr_code"], ["dovetail-link:one", "another"]);
  expect(await (await createQrReader()).read(picture)).toBe("dovetail-link:one");
  provideDetector(["qr_code"], []);
  expect(await (await createQrReader()).read(picture)).toBeNull();
  expect(loadedDecoder()).toBe(false);
});
