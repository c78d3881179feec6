/** What a commit can bring of somebody's chain. */
import { expect, test } from "vitest";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import {
  LINK_BYTES_MAX,
  ROOM_EVIDENCE_BYTES_MAX,
  ROOM_EVIDENCE_LINKS_MAX,
} from "../../../../../core/base/limits.ts";
import { chainBytes } from "../../../../../core/client/rooms/reading/room-evidence.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";

const accountId = idFromBytes("account", new Uint8Array(32).fill(1));
const otherId = idFromBytes("account", new Uint8Array(32).fill(2));

/** The weight of a chain of so many links of these bytes. */
async function weigh(links: number, bytes: number, knownSeq = 0) {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const link = new Uint8Array(bytes);
  const writes = Array.from({ length: links }, (_, at) => tables.chain.put([accountId, at + 1], { link }));
  good(await store.batch([...writes, tables.chain.put([otherId, 1], { link })]));
  return good(await chainBytes(tables, accountId, knownSeq));
}

test("[RM60] a commit holds a chain up to a count of links and up to their bytes, and not one more", async () => {
  const full = ROOM_EVIDENCE_BYTES_MAX / LINK_BYTES_MAX;
  expect(await weigh(0, 1)).toBe(0);
  expect(await weigh(ROOM_EVIDENCE_LINKS_MAX, 2)).toBe(2 * ROOM_EVIDENCE_LINKS_MAX);
  expect(await weigh(ROOM_EVIDENCE_LINKS_MAX + 1, 2)).toBeNull();
  expect(await weigh(full, LINK_BYTES_MAX)).toBe(ROOM_EVIDENCE_BYTES_MAX);
  expect(await weigh(full + 1, LINK_BYTES_MAX)).toBeNull();
  // What the room has already comes in none.
  expect(await weigh(ROOM_EVIDENCE_LINKS_MAX + 9, 2, 9)).toBe(2 * ROOM_EVIDENCE_LINKS_MAX);
  expect(await weigh(ROOM_EVIDENCE_LINKS_MAX + 9, 2, 8)).toBeNull();
});
