/** Whose a room's log is, where it is, and who may begin it anew. Rules RM61, IN3. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import type { ContactRecord } from "../../../../../core/client/contacts/contact-book.ts";
import {
  createRoomHomes,
  founderOf,
  ownerNamedIn,
  type RoomHome,
} from "../../../../../core/client/rooms/log/room-home.ts";
import { createSerial } from "../../../../../core/client/serial.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import { createReseed } from "../../../../../core/log/create-reseed.ts";
import type { RoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { chainStart } from "../../../../../core/protocol/entry.ts";
import { ROOM_LOG_SALT_BYTES, roomLogId } from "../../../../../core/protocol/room-log-id.ts";
import type { ChainState } from "../../../../../core/sigchain/chain-state.ts";
import { addDevice, createWorld, must, stateOf } from "../../../../support/chain-world.ts";
import { createManualClock } from "../../../../support/manual-clock.ts";

beforeAll(cryptoReady);

const ORIGIN = "https://first.example";

/** Ada, who founded the room, and Ben, who looks. Of Ada's chain his device has `stored`, her server `served`. */
function look({ contact = null as Partial<ContactRecord> | null } = {}) {
  const world = createWorld("ada");
  const before = stateOf(world);
  const phone = addDevice(world);
  const served = stateOf(world);
  const ben = createWorld("ben");
  const tablet = addDevice(ben);
  const own = stateOf(ben);
  const asked: boolean[] = [];
  const record = contact === null ? null : ({ accountId: served.accountId, ...contact } as ContactRecord);
  const homes = createRoomHomes(
    {
      identity: { accountId: own.accountId, origin: "https://ben.example" },
      clock: createManualClock(),
      serial: createSerial(),
      chain: () => own,
      refreshOwnChain: async () => ok(),
      storedChain: async () => ok(before),
      contactChain: async (_account, _origin, isFresh) => {
        asked.push(isFresh);
        return ok(isFresh ? served : before);
      },
    },
    { get: async () => ok(record), set: async () => ok() },
  );
  const logId = idFromBytes("log", world.random.bytes(32));
  const begin = (chain: ChainState, device: typeof phone) =>
    createReseed(device.sign, {
      version: 1,
      accountId: chain.accountId,
      logId,
      incarnation: 1,
      after: { incarnation: 0, seq: 7, chain: chainStart(logId) },
      device: device.id,
      chainSeq: chain.seq,
      chainHead: chain.head,
    });
  const head = { incarnation: 1, seq: 0, chain: chainStart(logId) };
  const home: RoomHome = { founder: served.accountId, origin: ORIGIN };
  return { homes, asked, home, served, own, phone, tablet, begin, logId, head };
}

const roomOf = (keysOrigin: string, home: RoomRecord["home"] = null) =>
  ({ keys: { origin: keysOrigin }, home }) as RoomRecord;
const contextWith = (founder: ChainState["accountId"], sinceEpoch: number) =>
  ({ members: [{ accountId: founder, sinceEpoch }] }) as unknown as RoomContext;

test("[RM61] [IN3] only a device of who founded a room begins its log anew, also one that was added since", async () => {
  const { homes, asked, home, served, own, phone, tablet, begin, logId, head } = look();
  const judge = (reseed: Uint8Array | null, at = home) => homes.judge(at, { logId, head, reseed });
  expect(must(await judge(begin(served, phone)))).toMatchObject({ device: phone.id, incarnation: 1 });
  expect(asked).toEqual([false, true]);
  // A member, and a server that says nothing or shows the word of nobody known.
  expect(must(await judge(begin(own, tablet)))).toBeNull();
  expect(must(await judge(null))).toBeNull();
  expect(must(await judge(begin(served, phone), { ...home, founder: null }))).toBeNull();
});

test("[RM61] who founded a room has been in it since its first epoch, or is whom own devices have noted", async () => {
  const { homes, served } = look();
  const { accountId: founder } = served;
  expect(founderOf(contextWith(founder, 0))).toBe(founder);
  expect(founderOf(contextWith(founder, 3))).toBeNull();
  const noted = { founder, origin: ORIGIN, incarnation: 1 };
  expect(must(await homes.of(roomOf(ORIGIN, noted), null)).founder).toBe(founder);
  // Who is out is nobody to follow, wherever the log has been since.
  expect(must(await homes.of(roomOf("https://old.example", noted), contextWith(founder, 3)))).toEqual({
    founder: null,
    origin: ORIGIN,
  });
  expect(must(await homes.of(roomOf(ORIGIN), contextWith(founder, 3)))).toEqual({
    founder: null,
    origin: ORIGIN,
  });
});

test("[RM61] its log is where their chain says they live, of a contact where they say; never where nobody can go", async () => {
  const originOf = async (contact: Partial<ContactRecord> | null) => {
    const { homes, served } = look({ contact });
    const home = must(await homes.of(roomOf(ORIGIN), contextWith(served.accountId, 0)));
    return [home.origin, served.service?.origin] as const;
  };
  const [origin, named] = await originOf(null);
  expect(origin).toBe(named);
  expect((await originOf({ state: "accepted", origin: "https://new.example" }))[0]).toBe(
    "https://new.example",
  );
  expect((await originOf({ state: "blocked", origin: "https://new.example" }))[0]).toBe(named);
  expect((await originOf({ state: "accepted", origin: "not a place" }))[0]).toBe(ORIGIN);
});

test("[RM61] who was told nothing has from the id of a log whose it is, and believes nobody else who began it anew", () => {
  const { served, own, phone, tablet, begin } = look();
  const logId = roomLogId(served.accountId, new Uint8Array(ROOM_LOG_SALT_BYTES).fill(3));
  expect(ownerNamedIn(logId, begin(served, phone))).toBe(served.accountId);
  expect(ownerNamedIn(logId, begin(own, tablet))).toBeNull();
  expect(ownerNamedIn(logId, new Uint8Array([1, 2]))).toBeNull();
  expect(ownerNamedIn(logId, null)).toBeNull();
});
