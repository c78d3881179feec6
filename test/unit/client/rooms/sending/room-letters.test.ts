/** What a device says in a room of its account. Rule RM12. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import {
  createRoomLetters,
  type RoomLettersDeps,
} from "../../../../../core/client/rooms/sending/room-letters.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { signKeyPairFromSeed } from "../../../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import { encodeRoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { isDepartureSigned, type RoomBody } from "../../../../../core/messenger/room/room-entry.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const [ada, ben] = [idFromBytes("account", filled(2)), idFromBytes("account", filled(3))];

/** Since when Ben leaves, who was told that he is in since epoch 3, in a group with this account since epoch 2, or in none. */
async function leftSince(inside: AccountId | null): Promise<number | null> {
  const world = createGroupWorld("letters");
  const founded = await world.found(world.device("ben", "laptop"));
  const context = encodeRoomContext({
    ...{ name: "Garden", about: "", keysSince: 0, lifetimeMs: null, history: null },
    members: [
      {
        ...({ accountId: inside ?? ben, role: "owner", sinceEpoch: 2, seq: 1 } as const),
        ...{ name: "", origin: "", head: idFromBytes("link", filled(0)), mutedUntilMs: null },
      },
    ],
  });
  const said: RoomBody[] = [];
  const sign = signKeyPairFromSeed(filled(4));
  const deviceId = idFromBytes("device", new Uint8Array(16).fill(5));
  const letters = createRoomLetters({
    context: {
      tables: createTables(createMemoryTxStore()),
      identity: { accountId: ben, deviceId, keys: { sign } },
    },
    groups: { load: async () => ok(inside === null ? null : { ...founded, context }) },
    sealing: {
      nextSeq: async () => ok(1),
      writerWrite: () => ({ type: "delete", key: "" }),
      sealed: (_: unknown, __: unknown, body: RoomBody) => {
        said.push(body);
        return ok({
          entry: { header: filled(6), sealed: filled(7) },
          entryId: idFromBytes("entry", filled(8)),
        });
      },
    },
  } as unknown as RoomLettersDeps);
  good(await letters.sealDeparture(roomId, { standing: { since: 3 } } as RoomRecord));
  const [body] = said;
  if (body?.type !== "departure") return null;
  expect(isDepartureSigned(roomId, body.departure, sign.publicKey)).toBe(true);
  return body.departure.sinceEpoch;
}

test("[RM12] who leaves says since when they are in as the group has it, else nobody would take them out, and in none as they were told", async () => {
  expect(await leftSince(ben)).toBe(2);
  expect(await leftSince(ada)).toBe(3);
  expect(await leftSince(null)).toBe(3);
});
