/**
 * Reading a QR code from a picture: the browser's own detector, or a decoder that is loaded when it is needed, with its
 * program from our own origin.
 */

export interface QrReader {
  /** The text of a code in `picture`, or null. */
  read(picture: HTMLCanvasElement): Promise<string | null>;
}

interface NativeDetector {
  detect(picture: HTMLCanvasElement): Promise<readonly { readonly rawValue: string }[]>;
}
interface NativeDetectorClass {
  new (options: { readonly formats: readonly string[] }): NativeDetector;
  getSupportedFormats(): Promise<readonly string[]>;
}

/** The best reader this browser has. */
export async function createQrReader(): Promise<QrReader> {
  const native: unknown = Reflect.get(globalThis, "BarcodeDetector");
  if (isDetectorClass(native) && (await native.getSupportedFormats()).includes("qr_code")) {
    const detector = new native({ formats: ["qr_code"] });
    return { read: async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null };
  }
  return loadedReader();
}

function isDetectorClass(value: unknown): value is NativeDetectorClass {
  return typeof value === "function" && "getSupportedFormats" in value;
}

async function loadedReader(): Promise<QrReader> {
  const [{ prepareZXingModule, readBarcodes }, { default: programUrl }] = await Promise.all([
    import("zxing-wasm/reader"),
    import("zxing-wasm/reader/zxing_reader.wasm?url"),
  ]);
  prepareZXingModule({ overrides: { locateFile: () => programUrl } });
  return {
    async read(picture) {
      const context = picture.getContext("2d", { willReadFrequently: true });
      if (context === null) return null;
      const image = context.getImageData(0, 0, picture.width, picture.height);
      const found = await readBarcodes(image, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
      return found[0]?.text ?? null;
    },
  };
}
