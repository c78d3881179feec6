/** What a camera sees that looks at a QR code, as a film Chromium can play in place of one. */
import { writeFileSync } from "node:fs";
import QRCode from "qrcode";

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES = 5;
const QUIET_MODULES = 4;

/** Writes a Y4M film of the code of `text` to `file`: black on white, no colour, held still. */
export function filmQrCode(file: string, text: string): void {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: "M" });
  const modulePx = Math.floor(HEIGHT / (modules.size + 2 * QUIET_MODULES));
  const sidePx = modulePx * modules.size;
  const [left, top] = [(WIDTH - sidePx) >> 1, (HEIGHT - sidePx) >> 1];
  const brightness = Buffer.alloc(WIDTH * HEIGHT, 255);
  for (let y = 0; y < sidePx; y += 1)
    for (let x = 0; x < sidePx; x += 1)
      if (modules.get(Math.floor(y / modulePx), Math.floor(x / modulePx)) !== 0)
        brightness[(top + y) * WIDTH + left + x] = 0;
  const grey = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), brightness, grey]);
  const header = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`);
  writeFileSync(file, Buffer.concat([header, ...Array.from({ length: FRAMES }, () => frame)]));
}
