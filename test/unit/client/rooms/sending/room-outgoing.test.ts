/** What becomes of a commit that the server has given its place. Rules RM18, RM21, RM67. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../../core/base/assert.ts";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import {
  createRoomOutgoing,
  type RoomOutgoingDeps,
} from "../../../../../core/client/rooms/sending/room-outgoing.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import type { AppendResult } from "../../../../../core/protocol/server-frame.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));

/** Whether a commit is still on its way once the server has answered so, to somebody who is in the room or out of it. */
async function isStillSent(
  standing: RoomRecord["standing"]["standing"],
  answer: AppendResult,
): Promise<boolean> {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const outgoing = createRoomOutgoing({ context: { tables, store } } as unknown as RoomOutgoingDeps);
  const row = {
    ...{ entry: { header: filled(2), sealed: filled(3) }, entryId: idFromBytes("entry", filled(4)) },
    ...{ writerSeq: 1, rekey: null, epoch: filled(5), ratchets: [] },
    ...{ invitees: [], added: [], carried: [] },
  };
  good(await store.batch([tables.commit.put([roomId], row)]));
  const sent = present(good(await outgoing.waiting(roomId)), "the commit is on its way");
  const room = { standing: { standing } } as RoomRecord;
  expect(good(await outgoing.settle(roomId, room, sent, answer))).toBe(true);
  return good(await outgoing.waiting(roomId)) !== null;
}

test("[RM67] a commit of who left meanwhile, by a sibling too, is sent until it has its place, and not for ever, as nothing is read back", async () => {
  for (const answer of [
    { type: "accepted", seq: 6, chain: filled(6) },
    { type: "duplicate", seq: 6 },
  ] as const) {
    expect(await isStillSent("left", answer)).toBe(false);
    expect(await isStillSent("removed", answer)).toBe(false);
    // RM21: who is in the room takes it over when it is read back.
    expect(await isStillSent("joined", answer)).toBe(true);
  }
});
