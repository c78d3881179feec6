/**
 * How the web app is built: `app/` into a folder, a service worker that knows every file of it, the script by which other
 * sites show a chat, and each file that compresses beside its brotli and gzip form, for sync-server to hand out as it lies there.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build, type InlineConfig, type Plugin } from "vite";

const ROOT: string = join(import.meta.dirname, "..");
export const APP_FOLDER: string = join(ROOT, "app");
export const APP_DIST: string = join(APP_FOLDER, "dist");

/** What the build depends on. */
const SOURCES = ["app", "core", "tools/app-build.ts", "package-lock.json"];
const NOT_SOURCES = new Set(["node_modules", "dist"]);
const STAMP = "build-stamp.txt";
/** The page that other sites may frame. */
const EMBED_PAGE = "embed.html";
/** A slow machine is no warning: nobody who starts a server reads how long parts of a build took. */
const QUIET_CHECKS = { bundlerTimings: false } as const;
const COMPRESSIBLE = new Set([".html", ".js", ".css", ".json", ".svg", ".wasm", ".webmanifest", ".txt"]);

export interface AppBuild {
  readonly outFolder: string;
  /** The folder of another page than the app's, for tests. */
  readonly root?: string;
  /** Brotli of the WebAssembly takes seconds. */
  readonly isCompressed?: boolean;
}

/** Builds the app. */
export async function buildApp({
  outFolder,
  root = APP_FOLDER,
  isCompressed = true,
}: AppBuild): Promise<void> {
  const stamp = sourceStamp();
  const earlier = readCompressed(outFolder);
  await build(pageConfig(outFolder, root));
  // What pages of other sites show is kept in no browser: WB42.
  const files = listFiles(outFolder).filter((name) => name !== STAMP && name !== EMBED_PAGE);
  await build(serviceWorkerConfig(outFolder, files));
  if (hasEmbedPage(root)) await build(embedScriptConfig(outFolder));
  if (isCompressed) await Promise.all(listFiles(outFolder).map((name) => compress(outFolder, name, earlier)));
  // Last: a build that was interrupted is stale.
  writeFileSync(join(outFolder, STAMP), stamp);
}

/** Whether `outFolder` is what the present sources make. */
export function isAppBuilt(outFolder: string): boolean {
  try {
    return readFileSync(join(outFolder, STAMP), "utf8") === sourceStamp();
  } catch {
    return false;
  }
}

function pageConfig(outFolder: string, root: string): InlineConfig {
  return {
    root,
    configFile: false,
    base: "/",
    logLevel: "warn",
    plugins: [withReplacedModules(), withPreloadedScreens()],
    worker: { format: "es", plugins: () => [withReplacedModules()] },
    build: {
      outDir: outFolder,
      emptyOutDir: true,
      target: "es2023",
      // A data: address would be another origin to the page's policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4_000,
      rolldownOptions: {
        checks: QUIET_CHECKS,
        input: ["index.html", ...(hasEmbedPage(root) ? [EMBED_PAGE] : [])].map((name) => join(root, name)),
      },
    },
  };
}

/** One classic script at the root, so that its scope is the whole app. */
function serviceWorkerConfig(outFolder: string, files: readonly string[]): InlineConfig {
  const version = createHash("sha256");
  for (const name of files) version.update(name).update(readFileSync(join(outFolder, name)));
  return {
    root: APP_FOLDER,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: {
      APP_FILES: JSON.stringify(files.map((name) => `/${name}`)),
      APP_VERSION: JSON.stringify(version.digest("base64url").slice(0, 16)),
    },
    build: {
      outDir: outFolder,
      emptyOutDir: false,
      target: "es2023",
      reportCompressedSize: false,
      rolldownOptions: {
        checks: QUIET_CHECKS,
        input: join(APP_FOLDER, "service-worker", "service-worker.ts"),
        output: { format: "iife", entryFileNames: "service-worker.js" },
      },
    },
  };
}

function hasEmbedPage(root: string): boolean {
  return existsSync(join(root, EMBED_PAGE));
}

/** One module at the root that loads nothing else: it runs in pages of other sites. */
function embedScriptConfig(outFolder: string): InlineConfig {
  return {
    root: APP_FOLDER,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      outDir: outFolder,
      emptyOutDir: false,
      target: "es2023",
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: {
        checks: QUIET_CHECKS,
        input: join(APP_FOLDER, "embed", "dovetail-chat.ts"),
        output: { format: "es", entryFileNames: "embed.js" },
      },
    },
  };
}

/** Modules that libraries ask for and a browser does without. */
const REPLACED_MODULES: ReadonlyMap<string, string> = new Map([
  // Automerge's WebAssembly as text, 4.9 MB that the app never loads: the worker fetches the binary.
  ["@automerge/automerge/automerge.wasm.base64", 'export const automergeWasmBase64 = "";'],
  // Node's, for where there is no global one.
  ["crypto", "export const webcrypto = globalThis.crypto;"],
]);

function withReplacedModules(): Plugin {
  return {
    name: "with-replaced-modules",
    enforce: "pre",
    resolveId: (source) => (REPLACED_MODULES.has(source) ? `\0${source}` : null),
    load: (id) => (id.startsWith("\0") ? (REPLACED_MODULES.get(id.slice(1)) ?? null) : null),
  };
}

/** The page names what its first script imports only once it runs, so that both are fetched at once. */
function withPreloadedScreens(): Plugin {
  return {
    name: "with-preloaded-screens",
    transformIndexHtml: {
      order: "post",
      handler: (_html, { chunk }) =>
        (chunk?.dynamicImports ?? []).map((name) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `/${name}` },
          injectTo: "head",
        })),
    },
  };
}

/** Compressed forms of what is named by its hash: the WebAssembly takes seconds, and seldom changes. */
function readCompressed(outFolder: string): ReadonlyMap<string, Buffer> {
  if (!existsSync(outFolder)) return new Map();
  const names = listFiles(outFolder).filter((name) => /^assets\/.*\.(br|gz)$/.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(outFolder, name))]));
}

async function compress(
  outFolder: string,
  name: string,
  earlier: ReadonlyMap<string, Buffer>,
): Promise<void> {
  if (!COMPRESSIBLE.has(extname(name))) return;
  const file = join(outFolder, name);
  const known = { br: earlier.get(`${name}.br`), gz: earlier.get(`${name}.gz`) };
  if (known.br !== undefined && known.gz !== undefined) {
    writeFileSync(`${file}.br`, known.br);
    writeFileSync(`${file}.gz`, known.gz);
    return;
  }
  const plain = readFileSync(file);
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }),
    promisify(gzip)(plain, { level: 9 }),
  ]);
  writeFileSync(`${file}.br`, br);
  writeFileSync(`${file}.gz`, gz);
}

/** A hash of every source file, by name and content: dates change with a checkout. */
function sourceStamp(): string {
  const stamp = createHash("sha256");
  for (const source of SOURCES) {
    const path = join(ROOT, source);
    const files = statSync(path).isDirectory() ? listFiles(path).map((name) => join(path, name)) : [path];
    for (const file of files) stamp.update(relative(ROOT, file)).update(readFileSync(file));
  }
  return stamp.digest("hex");
}

/** Paths under `folder` with `/` between their parts, sorted. */
function listFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep))
    .filter((parts) => !parts.some((part) => NOT_SOURCES.has(part)))
    .map((parts) => parts.join("/"))
    .sort();
}
