/**
 * The web app's files, when this installation has them.
 *
 * The list is read once at the start: what is not in it has no path, so no request can name another file.
 */
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

const CONTENT_TYPE_BY_EXTENSION: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** Answers paths from `folder`, or only `/`, in words, when there is no app in it. */
export function createWebApp(
  folder: string,
  origin: () => string,
): (path: string) => Promise<Response | null> {
  const fileByPath = listFiles(folder);
  if (!fileByPath.has("/index.html"))
    return (path) => Promise.resolve(path === "/" ? withoutApp(origin()) : null);
  return async (path) => {
    const name = path === "/" ? "/index.html" : path;
    const file = fileByPath.get(name);
    if (file === undefined) return null;
    // Names of built assets hold their hash; everything else may change with the next installation.
    const cacheControl = name.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    const contentType = CONTENT_TYPE_BY_EXTENSION[extname(name)] ?? "application/octet-stream";
    return new Response(await readFile(file), {
      headers: { "content-type": contentType, "cache-control": cacheControl },
    });
  };
}

function withoutApp(origin: string): Response {
  const text = [
    "This is a Dovetail server. It keeps ciphertext in order and can read none of it.",
    "",
    "The web app is not part of this installation. Connect with the command line:",
    "",
    `  dovetail account create --server ${origin}`,
    "",
  ].join("\n");
  return new Response(text, {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" },
  });
}

function listFiles(folder: string): ReadonlyMap<string, string> {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    entries.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [`/${relative(folder, file).split(sep).join("/")}`, file];
    }),
  );
}
