/**
 * The wire is frozen: every structure that is sent, sealed, signed or hashed, and every label, in one hash.
 *
 * When this fails, what two versions of the program say to each other has changed. If that is meant, raise
 * `PROTOCOL_VERSION` and write the new hash beside it.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LABEL } from "../../core/crypto/labels.ts";
import { PROTOCOL_VERSION } from "../../core/protocol/version.ts";
import { ROOT } from "../support/checkout.ts";

const PINNED = { version: 1, hash: "b0c0eb03486f2c07c1c78a188c93e53359e1eabffbc1dc110fe6c127c2cda3ed" };

/** Where structures of the wire are declared. */
const FOLDERS = ["protocol", "sigchain", "ratchet", "log", "messenger"];

function sourceFiles(): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, "core", folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `core/${folder}/${file}`),
  ).sort();
}

async function structures(): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const file of sourceFiles()) {
    const module: Record<string, unknown> = await import(join(ROOT, file));
    for (const [name, value] of Object.entries(module)) {
      if (name.endsWith("_LAYOUT")) lines.push(`${name} = ${String(value)}`);
      if (name.endsWith("Shape") && typeof value === "object" && value !== null && "print" in value)
        lines.push(`${name} = ${String(value.print)}`);
    }
  }
  return lines.sort();
}

function hashOf(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

const labels = Object.entries(LABEL).map(([name, text]) => `label ${name} = ${text}`);

test("every structure and label is as the protocol version says", async () => {
  const lines = [...(await structures()), ...labels.sort()];
  expect(lines.length).toBeGreaterThan(60);
  expect({ version: PROTOCOL_VERSION, hash: hashOf(lines) }).toEqual(PINNED);
});

test("a changed field changes the hash", async () => {
  const lines = await structures();
  expect(hashOf(lines.map((line) => line.replace("writerSeq", "writerCount")))).not.toBe(hashOf(lines));
});

test("no structure of these folders is hidden from the hash, but for what a device stores for itself", () => {
  const hidden = sourceFiles().filter((file) =>
    /^const [A-Za-z]*Shape\b/m.test(readFileSync(join(ROOT, file), "utf8")),
  );
  expect(hidden).toEqual([
    "core/ratchet/prekey-record.ts",
    "core/ratchet/session.ts",
    "core/sigchain/chain-state-codec.ts",
  ]);
});
