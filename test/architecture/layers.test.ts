/** The layers as style and design promise them, on the real code and on code with one planted fault each. */
import { describe, expect, test } from "vitest";
import { type FileMap, faultLines, readTree } from "../support/checkout.ts";
import { LAYER_RULES } from "../support/layers.ts";

const CODE = readTree(["core", "sync-server", "app", "cli"], [".ts"]);

/** A small tree in which every rule holds. */
const SOUND: Readonly<Record<string, string>> = {
  "core/base/bytes.ts": "export type Bytes = Uint8Array;",
  "core/base/clock.ts": "export const now = (): number => Date.now();",
  "core/codec/cbor.ts": 'import type { Bytes } from "../base/bytes.ts";',
  "core/crypto/labels.ts": "export const LABEL = {};",
  "core/crypto/sodium.ts": 'import sodium from "libsodium-wrappers-sumo"; export { sodium };',
  "core/crypto/hash.ts": 'import { LABEL } from "./labels.ts"; import { sodium } from "./sodium.ts";',
  "core/crypto/verify.ts": 'import { hash } from "./hash.ts";',
  "core/crypto/seal.ts": 'import { encode } from "../codec/cbor.ts"; import { hash } from "./hash.ts";',
  "core/protocol/entry.ts": 'import { encode } from "../codec/cbor.ts";',
  "core/store/tx-store.ts": "export interface TxStore { fetch(key: string): Promise<string>; }",
  "core/transport/connection.ts": "export interface Connection { readonly process?: string }",
  "core/document/repo.ts":
    'import { next } from "@automerge/automerge/slim"; export const id = (document: { id: string }) => document.id;',
  "core/sigchain/reduce.ts": 'import { verify } from "../crypto/verify.ts";',
  "core/sigchain/make-link.ts": 'import { seal } from "../crypto/seal.ts";',
  "core/ratchet/step.ts": 'import { seal } from "../crypto/seal.ts";',
  "core/log/replicate.ts": 'import { reduce } from "../sigchain/reduce.ts";',
  "core/messenger/send.ts": 'import { replicate } from "../log/replicate.ts";',
  "core/client/engine.ts": 'import { send } from "../messenger/send.ts";',
  "core/mod.ts":
    'export { engine } from "./client/engine.ts"; export type { TxStore } from "./store/tx-store.ts";',
  "sync-server/main.ts": 'import { WebSocketServer } from "ws"; import { append } from "./append.ts";',
  "sync-server/append.ts":
    'import { reduce } from "@dovetail/core/sigchain/reduce.ts"; import { DatabaseSync } from "node:sqlite";',
  "cli/main.ts":
    'import { engine } from "@dovetail/core"; import { open } from "./platform/sqlite-store.ts";',
  "cli/platform/sqlite-store.ts": 'import type { TxStore } from "@dovetail/core/store/tx-store.ts";',
  "app/main.ts": 'import { LitElement } from "lit"; import { engine } from "@dovetail/core";',
};

interface Planted {
  readonly rule: keyof typeof LAYER_RULES;
  readonly fault: string;
  readonly files: Readonly<Record<string, string>>;
  readonly says: RegExp;
}

const PLANTED: readonly Planted[] = [
  {
    rule: "core imports only downwards",
    fault: "a type-only import upwards",
    files: { "core/base/bytes.ts": 'import type { Engine } from "../client/engine.ts";' },
    says: /must not import core\/client\/engine\.ts/,
  },
  {
    rule: "core imports only downwards",
    fault: "an import of a neighbour",
    files: { "core/ratchet/step.ts": 'import { reduce } from "../sigchain/reduce.ts";' },
    says: /must not import core\/sigchain/,
  },
  {
    rule: "core imports only downwards",
    fault: "codec importing crypto",
    files: { "core/codec/cbor.ts": 'import { hash } from "../crypto/labels.ts";' },
    says: /must not import core\/crypto/,
  },
  {
    rule: "core imports only downwards",
    fault: "a type taken by import() in a type",
    files: { "core/store/tx-store.ts": 'export type E = import("../client/engine.ts").Engine;' },
    says: /must not import core\/client/,
  },
  {
    rule: "core imports only downwards",
    fault: "a folder that is no layer",
    files: { "core/extras/thing.ts": "export const thing = 1;" },
    says: /in no layer/,
  },
  {
    rule: "no import cycle, type-only imports included",
    fault: "a cycle of three files, one import of it type-only",
    files: {
      "core/log/one.ts": 'import { two } from "./two.ts";',
      "core/log/two.ts": 'import type { three } from "./three.ts";',
      "core/log/three.ts": 'import { one } from "./one.ts";',
    },
    says: /core\/log\/one\.ts -> core\/log\/two\.ts -> core\/log\/three\.ts -> core\/log\/one\.ts/,
  },
  {
    rule: "an outside library has one importer",
    fault: "libsodium outside core/crypto",
    files: { "core/log/replicate.ts": 'import sodium from "libsodium-wrappers-sumo";' },
    says: /belongs to core\/crypto/,
  },
  {
    rule: "an outside library has one importer",
    fault: "Automerge by a subpath, type-only",
    files: { "core/messenger/send.ts": 'import type { Doc } from "@automerge/automerge/slim";' },
    says: /belongs to core\/document/,
  },
  {
    rule: "an outside library has one importer",
    fault: "a library nobody owns",
    files: { "core/base/bytes.ts": 'import pad from "left-pad";' },
    says: /left-pad, which has no owner/,
  },
  {
    rule: "core/mod.ts is the only barrel and nobody in core imports it",
    fault: "a file in core importing the barrel",
    files: { "core/client/engine.ts": 'import { Engine } from "../mod.ts";' },
    says: /imports the barrel/,
  },
  {
    rule: "core/mod.ts is the only barrel and nobody in core imports it",
    fault: "a second barrel",
    files: { "core/log/all.ts": 'export { replicate } from "./replicate.ts";' },
    says: /re-exports/,
  },
  {
    rule: "core/mod.ts is the only barrel and nobody in core imports it",
    fault: "export * in the barrel itself",
    files: { "core/mod.ts": 'export * from "./client/engine.ts";' },
    says: /exports \*/,
  },
  {
    rule: "core uses no platform's modules or globals",
    fault: "a Node module",
    files: { "core/store/tx-store.ts": 'import { readFile } from "node:fs/promises";' },
    says: /imports node:fs/,
  },
  {
    rule: "core uses no platform's modules or globals",
    fault: "a computed import",
    files: { "core/store/tx-store.ts": "export const load = (name: string) => import(name);" },
    says: /a computed module/,
  },
  {
    rule: "core uses no platform's modules or globals",
    fault: "a DOM global",
    files: { "core/document/repo.ts": 'export const el = document.createElement("p");' },
    says: /uses the global document/,
  },
  {
    rule: "core uses no platform's modules or globals",
    fault: "a Node global inside a template",
    files: { "core/log/replicate.ts": "export const at = `${process.cwd()}/log`;" },
    says: /uses the global process/,
  },
  {
    rule: "core uses no platform's modules or globals",
    fault: "Deno through globalThis",
    files: { "core/log/replicate.ts": "export const at = globalThis.Deno.cwd();" },
    says: /uses the global Deno/,
  },
  {
    rule: "core takes time, randomness and output through ports",
    fault: "the clock of the machine in a step",
    files: { "core/log/replicate.ts": "export const atMs = Date.now();" },
    says: /uses the global Date/,
  },
  {
    rule: "the server reaches nothing that holds a secret, not even indirectly",
    fault: "a direct import of a secret module",
    files: { "sync-server/append.ts": 'import { seal } from "@dovetail/core/crypto/seal.ts";' },
    says: /reaches sync-server\/append\.ts -> core\/crypto\/seal\.ts/,
  },
  {
    rule: "the server reaches nothing that holds a secret, not even indirectly",
    fault: "an allowed sigchain file that imports a secret module",
    files: { "sync-server/append.ts": 'import { makeLink } from "@dovetail/core/sigchain/make-link.ts";' },
    says: /append\.ts -> core\/sigchain\/make-link\.ts -> core\/crypto\/seal\.ts/,
  },
  {
    rule: "the server reaches nothing that holds a secret, not even indirectly",
    fault: "a secret two files behind an allowed one, type-only",
    files: {
      "core/sigchain/reduce.ts": 'import { rules } from "./rules.ts";',
      "core/sigchain/rules.ts": 'import type { Link } from "./make-link.ts";',
    },
    says: /main\.ts -> .*reduce\.ts -> .*rules\.ts -> .*make-link\.ts -> core\/crypto\/seal\.ts/,
  },
  {
    rule: "the server reaches nothing that holds a secret, not even indirectly",
    fault: "words of a recovery key, which import no secret module",
    files: {
      "core/sigchain/reduce.ts": 'import { words } from "./keys/bip39.ts";',
      "core/sigchain/keys/bip39.ts": 'import { entropyToMnemonic } from "@scure/bip39";',
    },
    says: /reduce\.ts -> core\/sigchain\/keys\/bip39\.ts/,
  },
  {
    rule: "the server reaches nothing that holds a secret, not even indirectly",
    fault: "the front door of core",
    files: { "sync-server/append.ts": 'import { engine } from "@dovetail/core";' },
    says: /reaches .*core\/mod\.ts/,
  },
  {
    rule: "app and cli use the front door of core",
    fault: "a program reaching into core",
    files: { "cli/main.ts": 'import { send } from "@dovetail/core/messenger/send.ts";' },
    says: /goes past core\/mod\.ts/,
  },
  {
    rule: "app and cli use the front door of core",
    fault: "a platform file taking more than a type",
    files: { "cli/platform/sqlite-store.ts": 'import { open } from "@dovetail/core/store/tx-store.ts";' },
    says: /goes past core\/mod\.ts/,
  },
  {
    rule: "app and cli use the front door of core",
    fault: "a relative path out of the package",
    files: { "app/main.ts": 'import { engine } from "../core/mod.ts";' },
    says: /leaves its package/,
  },
  {
    rule: "every import leads to a file",
    fault: "an import without .ts",
    files: { "core/log/replicate.ts": 'import { reduce } from "../sigchain/reduce";' },
    says: /without its \.ts/,
  },
  {
    rule: "every import leads to a file",
    fault: "an import of a file that is gone",
    files: { "core/log/replicate.ts": 'import { reduce } from "../sigchain/gone.ts";' },
    says: /does not exist/,
  },
  {
    rule: "no vague names, kebab-case",
    fault: "a folder that says nothing",
    files: { "core/log/helpers/text.ts": "export const x = 1;" },
    says: /helpers does not say/,
  },
  {
    rule: "no vague names, kebab-case",
    fault: "a file that says nothing",
    files: { "core/log/types.ts": "export type X = 1;" },
    says: /types\.ts does not say/,
  },
];

describe("the code", () => {
  test("there is code to check", () => {
    expect(CODE.size).toBeGreaterThan(10);
  });
  test.each(Object.entries(LAYER_RULES))("%s", (_name, rule) => {
    expect(faultLines(rule(CODE))).toEqual([]);
  });
});

describe("the rules themselves", () => {
  test.each(Object.entries(LAYER_RULES))("find nothing in sound code: %s", (_name, rule) => {
    expect(faultLines(rule(withFiles({})))).toEqual([]);
  });
  test.each(PLANTED)("$rule: catches $fault", ({ rule, files, says }) => {
    const faults = LAYER_RULES[rule]?.(withFiles(files)) ?? [];
    expect(faults.map((found) => found.why).join("\n")).toMatch(says);
  });
  test("each has at least one planted fault", () => {
    const planted = new Set(PLANTED.map(({ rule }) => rule));
    expect(Object.keys(LAYER_RULES).filter((rule) => !planted.has(rule))).toEqual([]);
  });
});

function withFiles(files: Readonly<Record<string, string>>): FileMap {
  return new Map(Object.entries({ ...SOUND, ...files }));
}
