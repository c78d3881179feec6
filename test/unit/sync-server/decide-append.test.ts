/** Quotas of a log, which are too large to fill in a test. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  ENTRY_COST_BYTES,
  LOG_BYTES_MAX_BY_KIND,
  WORK_ADMITTED_BYTES_MAX,
} from "../../../sync-server/limits.ts";
import { type AppendView, decideEntry, entryCost } from "../../../sync-server/store/decide-append.ts";
import type { Appender } from "../../../sync-server/store/log-store.ts";
import { storeEntry } from "../../support/store-world.ts";

beforeAll(cryptoReady);

const tag = idFromBytes("writerTag", new Uint8Array(16));
const entry = () =>
  storeEntry(idFromBytes("log", new Uint8Array(32)), tag, 1, new Uint8Array(100), { epoch: 1 });
const viewOf = (kind: AppendView["kind"], bytes: number): AppendView => ({
  kind,
  bytes,
  writerSeq: () => 0,
  lastOfKind: () => null,
  kindCount: () => 0,
  seqOf: () => null,
});
const QUOTAS: readonly (readonly [AppendView["kind"], Appender["type"], number])[] = [
  ["account", "device", LOG_BYTES_MAX_BY_KIND.account],
  ["inbound", "capability", LOG_BYTES_MAX_BY_KIND.inbound],
  ["request", "ticket", LOG_BYTES_MAX_BY_KIND.request],
  ["request", "work", WORK_ADMITTED_BYTES_MAX],
];

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
          : { type: by };
    const cost = entryCost(entry());
    expect(cost).toBe(entry().header.length + 100 + ENTRY_COST_BYTES);
    for (const bytes of [0, bytesMax - cost - 1, bytesMax - cost])
      expect(
        decideEntry(viewOf(kind, bytes), entry(), { writerTag: tag, appender, epoch: 1 }),
        String(bytes),
      ).toBe("place");
    expect(
      decideEntry(viewOf(kind, bytesMax - cost + 1), entry(), { writerTag: tag, appender, epoch: 1 }),
    ).toEqual({ type: "refused", code: "quota", writerSeq: 0 });
  },
);
