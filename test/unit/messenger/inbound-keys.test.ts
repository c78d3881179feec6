/** The inbound log of a contact is pinned: another derivation would lose every log handed out. */
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { inboundKeys } from "../../../core/messenger/inbound-keys.ts";
import { accountOf, filled } from "../../support/messages.ts";

beforeAll(cryptoReady);

test("[DM1] follows from the epoch's secret and the contact", () => {
  const { logId, appendSeed, outerKey } = inboundKeys(filled(1), accountOf(2));
  expect([logId, toHex(appendSeed), toHex(outerKey)]).toMatchInlineSnapshot(`
    [
      "f4de278e56f45b7db51eb5518f425c4a1e3033430b040ccd85229b04d9918742",
      "ea6df582d0e95c93183f1f5a203e4061b283bced6f4f63ae242ef91a2a67f5a3",
      "59f6b726cc7d98a9e00393487054f76237831a5c48e651aab2e4fe01d69192f0",
    ]
  `);
  expect(inboundKeys(filled(1), accountOf(2))).toEqual({
    logId,
    appendSeed,
    outerKey,
    turn: 0,
    generation: 1,
  });
});

test("[DM1] another epoch, contact, revocation of theirs and turn have another log, capability and key", () => {
  const all = [
    inboundKeys(filled(1), accountOf(2)),
    inboundKeys(filled(2), accountOf(2)),
    inboundKeys(filled(1), accountOf(3)),
    inboundKeys(filled(1), accountOf(2), { epoch: 1, theirCutSeq: 4, turn: 0 }),
    inboundKeys(filled(1), accountOf(2), { epoch: 1, theirCutSeq: 0, turn: 1 }),
  ];
  for (const part of ["logId", "appendSeed", "outerKey"] as const)
    expect(new Set(all.map((keys) => (part === "logId" ? keys.logId : toHex(keys[part])))).size).toBe(5);
  const first = all[0];
  expect(first && new Set([first.logId, toHex(first.appendSeed), toHex(first.outerKey)]).size).toBe(3);
});
