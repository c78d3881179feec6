/** The file of a backup: every flip of it is found, and what is wrong is told apart. */
import { describe, expect, test } from "vitest";
import { BACKUP_FRAME_BYTES_MAX, BACKUP_HEAD_BYTES_MAX } from "../../../core/base/limits.ts";
import { concatBytes, toUtf8 } from "../../../core/base/bytes.ts";
import { encode } from "../../../core/codec/shape.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { encodeFrame } from "../../../core/codec/frame-splitter.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { type Passphrase, parsePassphrase } from "../../../core/crypto/passphrase.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  BACKUP_MARK,
  type BackupRecord,
  createBackupReader,
  createBackupWriter,
} from "../../../core/log/backup/backup-file.ts";
import { type BackupSecret, backupHeadFrameShape } from "../../../core/log/backup/backup-head.ts";
import { createRecoveryKey, recoveryKeysFrom } from "../../../core/sigchain/keys/recovery-key.ts";
import { bad, good } from "../../support/client-world.ts";
import { accountOf, filled } from "../../support/messages.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

await cryptoReady();

const random = createSeededRandom("backup");
const CHEAP = { memoryBytes: 8_192, passes: 1 };
const passphraseOf = (text: string): BackupSecret => ({
  type: "passphrase",
  passphrase: good(parsePassphrase(text)) as Passphrase,
});
const PASSPHRASE = passphraseOf("open sesame");
const RECOVERY: BackupSecret = { type: "recovery", keys: recoveryKeysFrom(createRecoveryKey(random)) };

const START: BackupRecord = {
  type: "start",
  accountId: accountOf(1),
  origin: "https://dove.example",
  handle: "ada",
  displayName: "Ada",
  createdAtMs: 1_800_000_000_000,
  documentCount: 1,
};
const PART: BackupRecord = {
  type: "part",
  document: { type: "inbox" },
  heads: [filled(2)],
  index: 0,
  count: 1,
  bytes: toUtf8("a secret text"),
};
const RECORDS: readonly BackupRecord[] = [START, PART, { type: "end", documentCount: 1, frameCount: 2 }];

function fileOf(secret: BackupSecret, records = RECORDS): Uint8Array {
  const writer = createBackupWriter(random, secret, CHEAP);
  return concatBytes(writer.head, ...records.map((record) => writer.write(record)));
}

/** All a file says, or the first thing that is wrong with it. `step` bytes come at once. */
function read(file: Uint8Array, secret: BackupSecret, step = file.length) {
  const reader = createBackupReader();
  const events: unknown[] = [];
  for (let at = 0; at < file.length; at += step) {
    reader.push(file.subarray(at, at + step));
    for (;;) {
      const event = reader.next();
      if (!event.ok) return event;
      if (event.value === null) break;
      if (event.value.type !== "locked") events.push(event.value);
      else {
        const unlocked = reader.unlock(secret);
        if (!unlocked.ok) return unlocked;
      }
    }
  }
  const finished = reader.finish();
  return finished.ok ? { ok: true as const, value: events } : finished;
}

describe("a backup", () => {
  test.each([
    ["a passphrase", PASSPHRASE],
    ["a recovery key", RECOVERY],
  ])("[BK1] [BK3] [BK5] under %s says what was written, in whatever pieces it comes", (_, secret) => {
    const file = fileOf(secret);
    for (const step of [1, 7, 1_000, file.length]) expect(good(read(file, secret, step))).toEqual(RECORDS);
    expect(Buffer.from(file).includes("a secret text")).toBe(false);
    expect(Buffer.from(file).includes("dove.example")).toBe(false);
    expect(file.subarray(0, BACKUP_MARK.length)).toEqual(BACKUP_MARK);
  });

  test.each([
    ["a passphrase", PASSPHRASE],
    ["a recovery key", RECOVERY],
  ])(
    "[BK6] every bit of one under %s that is another one is found, and none is taken for a wrong secret",
    (_, secret) => {
      const file = fileOf(secret);
      // What comes after the head is the same under both; the one costs Argon2id each time.
      const { head } = createBackupWriter(random, secret, CHEAP);
      const bytes = secret === RECOVERY ? file.length : head.length;
      for (let bit = 0; bit < bytes * 8; bit++) {
        const at = bit >> 3;
        const flipped = file.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
        const { type } = bad(read(flipped, secret));
        const words = at < BACKUP_MARK.length ? ["NotABackup"] : ["BackupDamaged", "BackupTruncated"];
        if (!words.includes(type)) expect.fail(`bit ${bit}: ${type}`);
      }
    },
  );

  test("[BK6] one that is cut off anywhere, or goes on, is found", () => {
    const file = fileOf(RECOVERY);
    for (let length = 0; length < file.length; length++) {
      const { type } = bad(read(file.subarray(0, length), RECOVERY));
      expect(type).toBe(length < BACKUP_MARK.length ? "NotABackup" : "BackupTruncated");
    }
    expect(bad(read(concatBytes(file, filled(0, 1)), RECOVERY)).type).toBe("BackupDamaged");
    expect(bad(read(concatBytes(file, encodeFrame(filled(1, 64))), RECOVERY)).type).toBe("BackupDamaged");
  });

  test("[BK6] frames that are left out, repeated, moved or of another backup do not open", () => {
    const writer = createBackupWriter(random, RECOVERY);
    const [start, part, end] = RECORDS.map((record) => writer.write(record)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const other = createBackupWriter(random, RECOVERY);
    const theirs = other.write(START);
    for (const frames of [
      [start, end],
      [start, part, part, end],
      [part, start, end],
      [theirs, part, end],
      [end],
    ])
      expect(bad(read(concatBytes(writer.head, ...frames), RECOVERY)).type).toBe("BackupDamaged");
    expect(good(read(concatBytes(writer.head, start, part, end), RECOVERY))).toHaveLength(3);
  });

  test("[BK5] begins with its start, ends with its count, and says each once", () => {
    const end = { type: "end", documentCount: 1, frameCount: 1 } as const;
    for (const records of [
      [PART, end],
      [START, START, { ...end, frameCount: 2 }],
      [START, { ...end, frameCount: 7 }],
    ])
      expect(bad(read(fileOf(RECOVERY, records), RECOVERY)).type).toBe("BackupDamaged");
  });

  test("[BK4] another secret is told apart from damage", () => {
    expect(bad(read(fileOf(PASSPHRASE), passphraseOf("open barley")))).toEqual({
      type: "WrongBackupSecret",
      lock: "passphrase",
    });
    const others: BackupSecret = { type: "recovery", keys: recoveryKeysFrom(createRecoveryKey(random)) };
    for (const secret of [others, PASSPHRASE])
      expect(bad(read(fileOf(RECOVERY), secret))).toEqual({ type: "WrongBackupSecret", lock: "recovery" });
  });

  test("[BK2] a newer version is told apart from damage, and a head that is too large is none", () => {
    const headOf = (body: Uint8Array) =>
      concatBytes(
        BACKUP_MARK,
        encodeFrame(encode(backupHeadFrameShape, { body, check: hash(LABEL.backupCheck, body) })),
      );
    expect(bad(read(headOf(encodeCbor([2, "what comes later"])), RECOVERY))).toEqual({
      type: "BackupTooNew",
      version: 2,
      versionMax: 1,
    });
    expect(bad(read(headOf(encodeCbor(["no version"])), RECOVERY)).type).toBe("BackupDamaged");
    const framed = (length: number) => concatBytes(BACKUP_MARK, encodeFrame(filled(1, length)));
    for (const length of [BACKUP_HEAD_BYTES_MAX - 1, BACKUP_HEAD_BYTES_MAX, BACKUP_HEAD_BYTES_MAX + 1])
      expect(bad(read(framed(length), RECOVERY)).type).toBe("BackupDamaged");
  });

  test("[BK5] a frame over the limit is refused by its length, before it is held", () => {
    const { head } = createBackupWriter(random, RECOVERY);
    const announced = (length: number) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, length);
      return concatBytes(head, bytes);
    };
    expect(bad(read(announced(BACKUP_FRAME_BYTES_MAX + 1), RECOVERY)).type).toBe("BackupDamaged");
    for (const length of [BACKUP_FRAME_BYTES_MAX, BACKUP_FRAME_BYTES_MAX - 1])
      expect(bad(read(announced(length), RECOVERY)).type).toBe("BackupTruncated");
  });
});
