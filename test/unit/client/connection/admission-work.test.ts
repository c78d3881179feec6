/** Work for a stranger's request log: found in turns, and as much as was asked for. */
import { beforeAll, expect, test } from "vitest";
import { createSystemClock } from "../../../../core/base/clock.ts";
import { idBytes, idFromBytes } from "../../../../core/base/ids.ts";
import {
  ADMISSION_WORK_BITS_MAX,
  findAdmissionWork,
} from "../../../../core/client/connection/admission-work.ts";
import { hash } from "../../../../core/crypto/hash.ts";
import { LABEL } from "../../../../core/crypto/labels.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";

beforeAll(cryptoReady);

const logId = idFromBytes("log", new Uint8Array(32).fill(1));
const entryId = new Uint8Array(32).fill(5);

test("[FC3] work has as many leading zero bits as asked for", async () => {
  for (const bits of [0, 1, 7, 8, 9, 14]) {
    const work = await findAdmissionWork(createSystemClock(), { logId, entryId }, bits);
    const found = hash(LABEL.powStamp, idBytes(logId), entryId, work);
    const text = [...found].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    expect(text.slice(0, bits)).toBe("0".repeat(bits));
  }
  expect(ADMISSION_WORK_BITS_MAX).toBe(24);
});

test("others have their turn while work is being found", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await findAdmissionWork(createSystemClock(), { logId, entryId: new Uint8Array(32).fill(6) }, 17);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
});
