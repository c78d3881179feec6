/** What a device that a room's log shuts out makes of the keys an own device has set, and what that tells it. Rules RM30, RM62. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../../core/base/assert.ts";
import { type DeviceId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import { putKey, type RoomPart, type RoomRecord } from "../../../../../core/document/schema/groups.ts";
import type { PlacedRoom } from "../../../../../core/client/rooms/log/room-home.ts";
import {
  createRoomKeySetting,
  type RoomKeySettingDeps,
} from "../../../../../core/client/rooms/log/room-key-setting.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { roomLogId } from "../../../../../core/protocol/room-log-id.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const ada = idFromBytes("account", filled(2));
const [elder, self, younger]: readonly DeviceId[] = [3, 4, 5].map((byte) =>
  idFromBytes("device", new Uint8Array(16).fill(byte)),
);

/** What is taken by Ada's second device where this device of hers has put keys on the log, which lead on or not. */
async function takenFrom(device: DeviceId | undefined, doLeadOn: boolean): Promise<readonly unknown[]> {
  const taken: unknown[] = [];
  const devices = [elder, self, younger].map(
    (id, at) => [id, { addedSeq: at + 1, revokedSeq: null }] as const,
  );
  const keySetting = createRoomKeySetting({
    context: {
      identity: { accountId: ada, deviceId: self, origin: "" },
      chain: () => ({ devicesById: new Map(devices) }),
      serial: { run: <T>(task: () => T) => task() },
    },
    intake: {
      takeKeys: async (...given: unknown[]) => {
        taken.push(...given.slice(2));
        return ok();
      },
    },
    restart: { doLeadOn: async () => ok(doLeadOn) },
    home: () => null,
    contextOf: async () => ok(null),
    openAnew: () => {},
  } as unknown as RoomKeySettingDeps);
  const keys = { logId: roomLogId(ada, new Uint8Array(16)), accessSeed: filled(6) };
  const puts = [{ device, accessSeed: filled(7) }];
  const room = { standing: { standing: "joined" }, keys, puts };
  const regained = await keySetting.regain({ roomId, room, home: {} } as unknown as PlacedRoom, null);
  expect(good(regained)).toBe(taken.length > 0);
  return taken;
}

test("[RM30] [RM62] who goes on with what an elder own device has set knows that the groups came apart, and asks for whom it had let into its own", async () => {
  expect(await takenFrom(elder, true)).toEqual([expect.objectContaining({ device: elder }), "forked"]);
});

test("[RM30] it goes on with nothing that leads nowhere, or that a younger device has set", async () => {
  expect(await takenFrom(elder, false)).toEqual([]);
  expect(await takenFrom(younger, true)).toEqual([]);
});

/** What the same device tells the others, where `puts` were told before and its own key of the log is `seed`. */
async function toldOf(
  puts: readonly Omit<Extract<RoomPart, { type: "put" }>, "type">[],
  { seed, isIn }: { readonly seed: number; readonly isIn: boolean },
): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const keySetting = createRoomKeySetting({
    context: { identity: { deviceId: self } },
    book: {
      set: async (_: unknown, parts: ReadonlyMap<string, RoomPart>) => {
        told.push(...parts);
        return ok();
      },
    },
    contextOf: async () => ok(isIn ? { members: [] } : null),
  } as unknown as RoomKeySettingDeps);
  const room = { keys: { accessSeed: filled(seed), roomKey: filled(seed + 1) }, puts };
  good(await keySetting.sayReplaced(roomId, room as unknown as RoomRecord));
  return told;
}

test("[RM30] who has put a key on the log tells what replaces it, while it is in the group", async () => {
  const device = present(self, "this device");
  const put = { device, count: 1, accessSeed: filled(6), roomKey: filled(7) };
  const replaced = { ...put, type: "put", count: 2, accessSeed: filled(8), roomKey: filled(9) };
  expect(await toldOf([put], { seed: 8, isIn: true })).toEqual([[putKey(device), replaced]]);
  expect(await toldOf([put], { seed: 6, isIn: true })).toEqual([]);
  expect(await toldOf([put], { seed: 8, isIn: false })).toEqual([]);
  expect(await toldOf([{ ...put, device: present(elder, "another") }], { seed: 8, isIn: true })).toEqual([]);
});
