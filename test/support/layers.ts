/**
 * The layer rules of the code as functions over a map of files, so that a test can also show each of them a fault.
 *
 * What is not allowed here is refused: a new folder, library or server import needs a line in a table below.
 */
import type { Fault, FileMap } from "./checkout.ts";
import {
  findImports,
  type ImportedModule,
  isMark,
  isMember,
  scanSource,
  type Token,
} from "./source-scanner.ts";

export type LayerRule = (code: FileMap) => readonly Fault[];

/** Folders of `core`, lower first; those of one row do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["codec", "crypto"],
  ["protocol", "store", "transport", "document"],
  ["sigchain", "ratchet", "group"],
  ["log"],
  ["messenger"],
  ["client"],
];

/** Imports inside one row that are meant. SEAL and identifiers hash canonical structures; a way to a server names its gateway. */
const SAME_ROW_ALLOWED: readonly (readonly [importer: string, imported: string])[] = [
  ["crypto", "codec"],
  ["transport", "protocol"],
];

const MOD = "core/mod.ts";
const MEMBER_BY_PACKAGE: Readonly<Record<string, string>> = {
  "@dovetail/core": "core",
  "@dovetail/sync-server": "sync-server",
  "@dovetail/app": "app",
  dovetail: "cli",
};

/** Which folders may import an outside library. One that is not here has no owner yet and is refused. */
const OWNERS_BY_LIBRARY: Readonly<Record<string, readonly string[]>> = {
  "libsodium-wrappers-sumo": ["core/crypto/"],
  "@automerge/automerge": ["core/document/", "app/engine/"],
  "@automerge/automerge-repo": ["core/document/"],
  "@automerge/automerge-repo-network-websocket": ["core/document/"],
  "@scure/bip39": ["core/sigchain/keys/"],
  "ts-mls": ["core/group/"],
  "@automerge/automerge-repo-storage-nodefs": ["cli/platform/"],
  "@bomb.sh/tab": ["cli/"],
  commander: ["cli/"],
  qrcode: ["cli/", "app/", "sync-server/commands/"],
  "@hono/node-server": ["sync-server/"],
  hono: ["sync-server/"],
  ws: ["sync-server/", "cli/platform/"],
  lit: ["app/"],
  "@tanstack/virtual-core": ["app/ui/"],
  "zxing-wasm": ["app/ui/"],
  "acme-client": ["sync-server/acme/"],
  "prom-client": ["sync-server/metrics/", "cli/platform/"],
  "@opentelemetry/exporter-trace-otlp-http": ["sync-server/metrics/", "cli/platform/"],
  "@opentelemetry/resources": ["sync-server/metrics/", "cli/platform/"],
  "@opentelemetry/sdk-trace-base": ["sync-server/metrics/", "cli/platform/"],
  "@automerge/automerge-repo-storage-indexeddb": ["app/platform/"],
  "@sqlite.org/sqlite-wasm": ["app/platform/"],
};

/** The part of `core` that the server may reach, directly or not. None of it can hold or make a secret. */
const SERVER_REACH: readonly RegExp[] = [
  /^core\/(base|codec|protocol)\//,
  // Not its key and epoch folders: what they hold is secret even where they import no secret module.
  /^core\/sigchain\/(?!keys\/|epoch\/)/,
  /^core\/crypto\/(verify|hash|labels|sodium|padding)\.ts$/,
];

/** Globals that belong to one platform. */
const PLATFORM_GLOBALS = new Set([
  "Deno",
  "Bun",
  "Buffer",
  "__dirname",
  "__filename",
  "setImmediate",
  "localStorage",
  "sessionStorage",
  "indexedDB",
  "navigator",
  "HTMLElement",
  "customElements",
  "XMLHttpRequest",
  "WebSocket",
  "EventSource",
  "BroadcastChannel",
  "SharedWorker",
  "Worker",
  "fetch",
  "requestAnimationFrame",
]);
/** Globals of a platform whose names are also good names for values; only their use as an object tells. */
const PLATFORM_OBJECTS = new Set(["process", "window", "document", "location", "self", "global"]);
/** Time, randomness and output come through ports; these files are the ports' own adapters. */
const AMBIENT_GLOBALS = new Set(["Date", "performance", "setTimeout", "setInterval", "console", "crypto"]);
const AMBIENT_ADAPTERS = new Set([
  "core/base/clock.ts",
  "core/base/random.ts",
  "core/base/logger.ts",
  "core/transport/web-connector.ts",
]);
/** `fetch` and `WebSocket` are the same everywhere the engine runs; this file is the port over them. */
const NETWORK_ADAPTER = "core/transport/web-connector.ts";
const NETWORK_GLOBALS = new Set(["fetch", "WebSocket"]);

const VAGUE_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "misc", "types"]);
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

/** Every rule by the words a failing test shows. */
export const LAYER_RULES: Readonly<Record<string, LayerRule>> = {
  "core imports only downwards": layersPointDown,
  "no import cycle, type-only imports included": noCycles,
  "an outside library has one importer": librariesHaveOwners,
  "core/mod.ts is the only barrel and nobody in core imports it": oneBarrel,
  "core uses no platform's modules or globals": coreIsPortable,
  "core takes time, randomness and output through ports": coreTakesPorts,
  "the server reaches nothing that holds a secret, not even indirectly": serverIsBlind,
  "app and cli use the front door of core": clientsUseTheFrontDoor,
  "every import leads to a file": importsLeadSomewhere,
  "no vague names, kebab-case": namesSayWhatIsInside,
};

interface Edge extends ImportedModule {
  readonly from: string;
  /** Path of a file of ours; `undefined` for an outside module or a computed import. */
  readonly to: string | undefined;
}

/** `type`, `interface` and code alike: every import of every file, resolved. */
function edgesOf(code: FileMap): readonly Edge[] {
  const known = edgesByMap.get(code);
  if (known !== undefined) return known;
  const edges = [...code].flatMap(([from, text]) =>
    findImports(text).map((found) => ({ ...found, from, to: resolveImport(from, found.specifier) })),
  );
  edgesByMap.set(code, edges);
  return edges;
}

/** Scanning is the slow part, and every rule wants it. */
const edgesByMap = new WeakMap<FileMap, readonly Edge[]>();

function resolveImport(from: string, specifier: string | undefined): string | undefined {
  if (specifier === undefined) return undefined;
  if (specifier.startsWith(".")) {
    const parts = from.split("/").slice(0, -1);
    // A bundler's word on how to take the file, such as `?worker&url`, is no part of its name.
    for (const part of specifier.replace(/\?.*$/, "").split("/")) {
      if (part === "..") parts.pop();
      else if (part !== ".") parts.push(part);
    }
    return parts.join("/");
  }
  const [name, rest] = splitPackage(specifier);
  const member = MEMBER_BY_PACKAGE[name];
  if (member === undefined) return undefined;
  return rest === "" ? `${member}/mod.ts` : `${member}/${rest}`;
}

function splitPackage(specifier: string): readonly [name: string, rest: string] {
  const parts = specifier.split("/");
  const length = specifier.startsWith("@") ? 2 : 1;
  return [parts.slice(0, length).join("/"), parts.slice(length).join("/")];
}

function layerOf(path: string): string | undefined {
  const parts = path.split("/");
  return parts[0] === "core" && parts.length > 2 ? parts[1] : undefined;
}

function rowOf(layer: string | undefined): number {
  return LAYERS.findIndex((row) => layer !== undefined && row.includes(layer));
}

function memberOf(path: string): string {
  return path.slice(0, path.indexOf("/"));
}

function layersPointDown(code: FileMap): readonly Fault[] {
  const misplaced = [...code.keys()]
    .filter((file) => memberOf(file) === "core" && file !== MOD && rowOf(layerOf(file)) === -1)
    .map((file) => ({ file, why: "is in no layer" }));
  const wrong = edgesOf(code).filter((edge) => {
    if (memberOf(edge.from) !== "core" || edge.from === MOD || edge.to === undefined) return false;
    const importer = layerOf(edge.from);
    const imported = layerOf(edge.to);
    if (importer === imported) return false;
    if (SAME_ROW_ALLOWED.some((pair) => pair[0] === importer && pair[1] === imported)) return false;
    return rowOf(imported) === -1 || rowOf(imported) >= rowOf(importer);
  });
  return [...misplaced, ...wrong.map((edge) => fault(edge, `must not import ${edge.to}`))];
}

function noCycles(code: FileMap): readonly Fault[] {
  const targetsByFile = Map.groupBy(edgesOf(code), (edge) => edge.from);
  const faults: Fault[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      faults.push({ file, why: `import cycle ${[...path.slice(start), file].join(" -> ")}` });
      return;
    }
    if (done.has(file)) return;
    for (const edge of targetsByFile.get(file) ?? []) {
      if (edge.to !== undefined) visit(edge.to, [...path, file]);
    }
    done.add(file);
  };
  for (const file of code.keys()) visit(file, []);
  return faults;
}

function librariesHaveOwners(code: FileMap): readonly Fault[] {
  return edgesOf(code).flatMap((edge) => {
    if (edge.to !== undefined || edge.specifier === undefined || edge.specifier.startsWith("node:"))
      return [];
    const [name] = splitPackage(edge.specifier);
    const owners = Object.hasOwn(OWNERS_BY_LIBRARY, name) ? OWNERS_BY_LIBRARY[name] : undefined;
    if (owners === undefined)
      return [fault(edge, `imports ${name}, which has no owner in test/support/layers.ts`)];
    if (owners.some((owner) => edge.from.startsWith(owner))) return [];
    return [fault(edge, `imports ${name}, which belongs to ${owners.join(" and ")}`)];
  });
}

function oneBarrel(code: FileMap): readonly Fault[] {
  const faults = edgesOf(code).flatMap((edge) => {
    const isInCore = memberOf(edge.from) === "core";
    if (isInCore && edge.to === MOD) return [fault(edge, "imports the barrel from inside")];
    if (edge.isReexport && edge.from !== MOD) return [fault(edge, `re-exports ${edge.specifier}`)];
    return [];
  });
  const stars = [...code].filter(([, text]) => {
    const tokens = scanSource(text);
    return tokens.some((token, index) => isWord(token, "export") && isMark(tokens[index + 1], "*"));
  });
  const index = [...code.keys()].filter((file) => /(^|\/)(index|mod)\.[a-z]+$/.test(file) && file !== MOD);
  return [
    ...faults,
    ...stars.map(([file]) => ({ file, why: "exports * instead of names" })),
    ...index.map((file) => ({ file, why: "has the name of a barrel" })),
  ];
}

function coreIsPortable(code: FileMap): readonly Fault[] {
  const modules = edgesOf(code).filter((edge) => {
    const isPortable = memberOf(edge.from) === "core" || memberOf(edge.from) === "app";
    return isPortable && (edge.specifier === undefined || /^[a-z]+:/.test(edge.specifier));
  });
  const uses = globalUses(code, (tokens, index, file) => {
    const word = tokens[index]?.text ?? "";
    if (PLATFORM_GLOBALS.has(word)) return !(file === NETWORK_ADAPTER && NETWORK_GLOBALS.has(word));
    return PLATFORM_OBJECTS.has(word) && isMark(tokens[index + 1], ".") && !declares(tokens, word);
  });
  return [...modules.map((edge) => fault(edge, `imports ${edge.specifier ?? "a computed module"}`)), ...uses];
}

function coreTakesPorts(code: FileMap): readonly Fault[] {
  return globalUses(code, (tokens, index) => AMBIENT_GLOBALS.has(tokens[index]?.text ?? "")).filter(
    ({ file }) => !AMBIENT_ADAPTERS.has(file),
  );
}

/** Words in files of `core` that name a global, found by `isUse`; also as a property of `globalThis`. */
function globalUses(
  code: FileMap,
  isUse: (tokens: readonly Token[], index: number, file: string) => boolean,
): readonly Fault[] {
  return [...code].flatMap(([file, text]) => {
    if (memberOf(file) !== "core") return [];
    const tokens = scanSource(text);
    return tokens.flatMap((token, index) => {
      if (token.kind !== "word" || !isUse(tokens, index, file)) return [];
      const isOfGlobal = isMark(tokens[index - 1], ".") && isWord(tokens[index - 2], "globalThis");
      if (isMember(tokens, index) && !isOfGlobal) return [];
      if (namesMember(tokens, index)) return [];
      return [{ file, why: `line ${token.line} uses the global ${token.text}` }];
    });
  });
}

/** Tells whether the word at `index` only names a member: `fetch: …`, `fetch?: …`, or a method `fetch(…): …`. */
function namesMember(tokens: readonly Token[], index: number): boolean {
  if (isMark(tokens[index + 1], ":", "?")) return true;
  if (!isMark(tokens[index + 1], "(") || !isMark(tokens[index - 1], "{", "}", ";", ",")) return false;
  let depth = 0;
  let end = index + 1;
  for (; end < tokens.length; end += 1) {
    if (isMark(tokens[end], "(")) depth += 1;
    else if (isMark(tokens[end], ")")) depth -= 1;
    if (depth === 0) break;
  }
  return isMark(tokens[end + 1], ":", "{");
}

/** Tells whether a file gives `word` a meaning of its own: a variable, or a parameter or field with a type. */
function declares(tokens: readonly Token[], word: string): boolean {
  return tokens.some((token, index) => {
    if (!isWord(token, word)) return false;
    const before = tokens[index - 1];
    const isDeclared = ["const", "let", "var", "function"].some((keyword) => isWord(before, keyword));
    const isParameter = isMark(before, "(", ",") && isMark(tokens[index + 1], ":", ",", ")");
    const isDestructured = isMark(before, "{", ",") && isMark(tokens[index + 1], "}", ",");
    return isDeclared || isParameter || isDestructured;
  });
}

function serverIsBlind(code: FileMap): readonly Fault[] {
  const edgesByFile = Map.groupBy(edgesOf(code), (edge) => edge.from);
  const faults: Fault[] = [];
  for (const start of code.keys()) {
    if (memberOf(start) !== "sync-server") continue;
    const pathByFile = new Map([[start, [start]]]);
    // A map keeps the order of insertion, also while it grows: this is a breadth-first walk.
    for (const [file, path] of pathByFile) {
      for (const { to } of edgesByFile.get(file) ?? []) {
        if (to === undefined || pathByFile.has(to)) continue;
        const isAllowed = memberOf(to) === "sync-server" || SERVER_REACH.some((pattern) => pattern.test(to));
        if (isAllowed) pathByFile.set(to, [...path, to]);
        else faults.push({ file: start, why: `the server reaches ${[...path, to].join(" -> ")}` });
      }
    }
  }
  return faults;
}

function clientsUseTheFrontDoor(code: FileMap): readonly Fault[] {
  return edgesOf(code).flatMap((edge) => {
    const from = memberOf(edge.from);
    if (edge.to === undefined) return [];
    const to = memberOf(edge.to);
    if (from === to) return [];
    const isRelative = edge.specifier?.startsWith(".") === true;
    if (isRelative) return [fault(edge, `leaves its package by the relative path ${edge.specifier}`)];
    if (from === "core") return [fault(edge, `core imports ${edge.specifier}`)];
    if (to !== "core") return [fault(edge, `imports another program, ${edge.specifier}`)];
    if (from === "sync-server" || edge.to === MOD) return [];
    const isPortType = edge.isTypeOnly && edge.from.startsWith(`${from}/platform/`);
    return isPortType ? [] : [fault(edge, `goes past core/mod.ts to ${edge.specifier}`)];
  });
}

function importsLeadSomewhere(code: FileMap): readonly Fault[] {
  return edgesOf(code)
    .filter((edge) => edge.to?.endsWith(".ts") === true && !code.has(edge.to))
    .map((edge) => fault(edge, `imports ${edge.specifier}, which does not exist`))
    .concat(
      edgesOf(code)
        .filter((edge) => edge.specifier?.startsWith(".") === true && edge.to?.endsWith(".ts") !== true)
        .filter((edge) => !/\.(json|css|svg|wasm)(\?\w+)?$/.test(edge.specifier ?? ""))
        .map((edge) => fault(edge, `imports ${edge.specifier} without its .ts`)),
    );
}

function namesSayWhatIsInside(code: FileMap): readonly Fault[] {
  return [...code.keys()].flatMap((file) => {
    const parts = file.split("/");
    const vague = parts.find((part) => VAGUE_NAMES.has(part.replace(/\..*$/, "")));
    if (vague !== undefined) return [{ file, why: `the name ${vague} does not say what is inside` }];
    const odd = parts.find((part) => !KEBAB_CASE.test(part));
    return odd === undefined ? [] : [{ file, why: `${odd} is not kebab-case` }];
  });
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}

function fault(edge: Edge, why: string): Fault {
  return { file: edge.from, why: `line ${edge.line} ${why}` };
}
