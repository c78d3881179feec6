/** Copying to the clipboard, with a word on whether it happened. */
import { text } from "../words/say.ts";
import { showToast } from "./dt-toast.ts";

/** Copies `value` and says so at `from`. */
export function copyText(from: EventTarget, value: string): void {
  navigator.clipboard.writeText(value).then(
    () => showToast(from, { text: text("copied") }),
    () => showToast(from, { text: text("copyRefused"), isError: true }),
  );
}
