/** Whose word a device takes that asks for the keys of a room's log. Rule RM68. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import {
  createRoomKeyAsking,
  type RoomKeyAskingDeps,
} from "../../../../../core/client/rooms/membership/room-key-asking.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import { createLogReader } from "../../../../../core/log/log-reader.ts";
import type { RoomInvitation } from "../../../../../core/messenger/room/room-invitation.ts";
import { roomLogId } from "../../../../../core/protocol/room-log-id.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const [ada, ben, cara] = [
  idFromBytes("account", filled(2)),
  idFromBytes("account", filled(3)),
  idFromBytes("account", filled(4)),
];

/** Whether Cara, who came in epoch 3 and has asked, goes by keys that name a membership since then. */
async function isTaken({
  sinceEpoch,
  incarnation = 1,
  isFounders = true,
}: {
  readonly sinceEpoch: number;
  readonly incarnation?: number;
  readonly isFounders?: boolean;
}): Promise<boolean> {
  const logId = roomLogId(isFounders ? ada : ben, new Uint8Array(16));
  const { point } = createLogReader(logId);
  const asking = createRoomKeyAsking({
    context: { identity: { accountId: cara }, clock: { nowMs: () => 1_000_000 } },
    contacts: { all: async () => ok([{ accountId: ada, state: "accepted" }]) },
    conversations: { write: async () => ok() },
    groups: { load: async () => ok(null) },
    intake: { reader: async () => ok(createLogReader(logId, { ...point, incarnation })) },
    kick: () => {},
  } as unknown as RoomKeyAskingDeps);
  const room = {
    standing: { standing: "joined", since: 3, by: ada },
    keys: { logId, accessSeed: filled(5), roomKey: filled(6) },
    info: { members: [{ accountId: ada }, { accountId: cara }] },
  } as unknown as RoomRecord;
  good(await asking.ask(roomId, room));
  const invitation = { keys: { accessSeed: filled(7), roomKey: filled(8) }, sinceEpoch };
  good(await asking.take(roomId, room, { by: ada, invitation: invitation as unknown as RoomInvitation }));
  return asking.told(roomId) !== null;
}

test("[RM68] keys are taken that name the membership this account has, by whoever was asked", async () => {
  expect(await isTaken({ sinceEpoch: 3, incarnation: 0, isFounders: false })).toBe(true);
  expect(await isTaken({ sinceEpoch: 3 })).toBe(true);
  expect(await isTaken({ sinceEpoch: 4 })).toBe(false);
});

test("[RM68] of an earlier membership they are taken by the founder's word alone, where the log has begun anew", async () => {
  expect(await isTaken({ sinceEpoch: 2 })).toBe(true);
  expect(await isTaken({ sinceEpoch: 2, isFounders: false })).toBe(false);
  expect(await isTaken({ sinceEpoch: 2, incarnation: 0 })).toBe(false);
});
