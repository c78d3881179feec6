/** Quotas of a log, which are too large to fill in a test. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import type { LogKind } from "../../../core/protocol/client-frame.ts";
import {
  ENTRY_COST_BYTES,
  ACCOUNT_BYTES_MAX,
  ENTRIES_MAX_BY_KIND,
  LOG_BYTES_MAX_BY_KIND,
  WORK_ADMITTED_SHARE,
} from "../../../sync-server/limits.ts";
import { type AppendView, decideEntry, entryCost } from "../../../sync-server/store/decide-append.ts";
import type { Appender } from "../../../sync-server/store/log-store.ts";
import { FIRST_QUOTAS, type Quotas } from "../../../sync-server/store/quotas.ts";
import { storeEntry } from "../../support/store-world.ts";

beforeAll(cryptoReady);

const tag = idFromBytes("writerTag", new Uint8Array(16));
const entry = () =>
  storeEntry(idFromBytes("log", new Uint8Array(32)), tag, 1, new Uint8Array(100), { epoch: 1 });
const viewOf = (
  kind: AppendView["kind"],
  bytes: number,
  more: Partial<Pick<AppendView, "entries" | "ownerBytes">> = {},
): AppendView => ({
  kind,
  incarnation: 0,
  bytes,
  entries: 0,
  ownerBytes: bytes,
  ...more,
  writerSeq: () => 0,
  lastOfKind: () => null,
  kindCount: () => 0,
  seqOf: () => null,
});
const QUOTAS: readonly (readonly [AppendView["kind"], Appender["type"], number])[] = [
  ["account", "device", LOG_BYTES_MAX_BY_KIND.account],
  ["inbound", "capability", LOG_BYTES_MAX_BY_KIND.inbound],
  ["request", "ticket", LOG_BYTES_MAX_BY_KIND.request],
  ["request", "work", LOG_BYTES_MAX_BY_KIND.request * WORK_ADMITTED_SHARE],
];

const CAPABILITY: Appender = { type: "capability", key: new Uint8Array(32) };

test.each(QUOTAS)(
  "[LG11] a log of kind %s is full, for who comes by %s, at %d bytes",
  (kind, by, bytesMax) => {
    const appender: Appender =
      by === "device"
        ? {
            type: "device",
            accountId: idFromBytes("account", new Uint8Array(32)),
            deviceId: idFromBytes("device", new Uint8Array(16)),
          }
        : by === "ticket"
          ? { type: "ticket", ticketHash: new Uint8Array(32) }
          : by === "capability"
            ? CAPABILITY
            : { type: by };
    const cost = entryCost(entry());
    expect(cost).toBe(entry().header.length + 100 + ENTRY_COST_BYTES);
    for (const bytes of [0, bytesMax - cost - 1, bytesMax - cost])
      expect(
        decideEntry(viewOf(kind, bytes), entry(), {
          writerTag: tag,
          appender,
          epoch: 1,
          quotas: FIRST_QUOTAS,
          isAfterRefused: false,
        }),
        String(bytes),
      ).toBe("place");
    expect(
      decideEntry(viewOf(kind, bytesMax - cost + 1), entry(), {
        writerTag: tag,
        appender,
        epoch: 1,
        quotas: FIRST_QUOTAS,
        isAfterRefused: false,
      }),
    ).toEqual({ type: "refused", code: "quota", writerSeq: 0 });
  },
);

const device: Appender = {
  type: "device",
  accountId: idFromBytes("account", new Uint8Array(32)),
  deviceId: idFromBytes("device", new Uint8Array(16)),
};
const decide = (view: AppendView, appender: Appender, quotas: Quotas = FIRST_QUOTAS) =>
  decideEntry(view, entry(), { writerTag: tag, appender, epoch: 1, quotas, isAfterRefused: false });
const FULL = { type: "refused", code: "quota", writerSeq: 0 };

test.each([
  ["account", device, ENTRIES_MAX_BY_KIND.account],
  ["inbound", CAPABILITY, ENTRIES_MAX_BY_KIND.inbound],
  ["request", { type: "ticket", ticketHash: new Uint8Array(32) }, ENTRIES_MAX_BY_KIND.request],
  ["request", { type: "work" }, ENTRIES_MAX_BY_KIND.request * WORK_ADMITTED_SHARE],
] as readonly (readonly [LogKind, Appender, number])[])(
  "[LG11] a log of kind %s holds a number of entries",
  (kind, appender, entriesMax) => {
    expect(decide(viewOf(kind, 0, { entries: entriesMax - 1 }), appender)).toBe("place");
    expect(decide(viewOf(kind, 0, { entries: entriesMax }), appender)).toEqual(FULL);
  },
);

test("[LG11] all logs of an account together hold a number of bytes, and the operator says how many", () => {
  const room = ACCOUNT_BYTES_MAX - entryCost(entry());
  expect(decide(viewOf("inbound", 0, { ownerBytes: room }), CAPABILITY)).toBe("place");
  expect(decide(viewOf("inbound", 0, { ownerBytes: room + 1 }), CAPABILITY)).toEqual(FULL);
  const small: Quotas = { ...FIRST_QUOTAS, accountBytesMax: entryCost(entry()) };
  expect(decide(viewOf("account", 0), device, small)).toBe("place");
  expect(decide(viewOf("account", 1), device, small)).toEqual(FULL);
});
