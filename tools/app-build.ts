/**
 * How the web app is built: `app/` to `app/dist`, every file beside its brotli and gzip form, and a service worker that
 * knows them all.
 */
import { join } from "node:path";
import type { InlineConfig, Plugin } from "vite";

const ROOT = join(import.meta.dirname, "..");
export const APP_FOLDER: string = join(ROOT, "app");

/** Vite's configuration of the app, for a build and for tests in a browser. */
export function appConfig(outFolder: string): InlineConfig {
  return {
    root: APP_FOLDER,
    configFile: false,
    base: "/",
    logLevel: "warn",
    plugins: [withoutTextWasm()],
    worker: { format: "es", plugins: () => [withoutTextWasm()] },
    build: {
      outDir: outFolder,
      emptyOutDir: true,
      target: "es2023",
      // A data: address would be another origin to the page's policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      sourcemap: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4_000,
    },
  };
}

/** Automerge's WebAssembly as text, 4.9 MB that the app never loads: the worker fetches the binary. */
function withoutTextWasm(): Plugin {
  const specifier = "@automerge/automerge/automerge.wasm.base64";
  return {
    name: "without-text-wasm",
    enforce: "pre",
    resolveId: (source) => (source === specifier ? `\0${specifier}` : null),
    load: (id) => (id === `\0${specifier}` ? 'export const automergeWasmBase64 = "";' : null),
  };
}
