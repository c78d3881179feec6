/** A room that gives history, its people's chains, and ops of theirs with proofs. */
import { present } from "../../core/base/assert.ts";
import { type AccountId, type ConversationId, idFromBytes } from "../../core/base/ids.ts";
import { encode } from "../../core/codec/shape.ts";
import { createOp, messagePayloadShape, type NamedOp, type Op, OP_KIND } from "../../core/messenger/op.ts";
import { HLC_TICKS_PER_MS } from "../../core/messenger/hlc.ts";
import type { RoomContext, RoomMember } from "../../core/messenger/room/room-context.ts";
import type { FormerMember } from "../../core/messenger/room/room-history.ts";
import { proveOp } from "../../core/messenger/room/room-proof.ts";
import {
  activeKeys,
  addDevice,
  type ChainWorld,
  createWorld,
  revokeDevices,
  stateOf,
} from "./chain-world.ts";

export const NOW_MS = 1_900_000_000_000;
export const DAY_MS = 86_400_000;
export const ROOM: ConversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));

/** `ada` has two devices and one that was revoked; `ben` was in from epoch 3 to before 8; `eve` came at 10. */
export interface HistoryWorld {
  readonly ada: ChainWorld;
  readonly ben: ChainWorld;
  readonly eve: ChainWorld;
  readonly room: RoomContext;
}

export function createHistoryWorld(): HistoryWorld {
  const [ada, ben, eve] = [createWorld("ada"), createWorld("ben"), createWorld("eve")];
  const phone = addDevice(ada);
  addDevice(ada);
  revokeDevices(ada, [phone.id]);
  const former: FormerMember = {
    ...{ accountId: stateOf(ben).accountId, name: "ben", origin: "https://one.example" },
    ...{ since: 3, until: 8, seq: stateOf(ben).seq, head: stateOf(ben).head },
  };
  const room: RoomContext = {
    ...{ name: "Garden", about: "", keysSince: 8, lifetimeMs: null },
    history: { days: 7, since: 2, former: [former] },
    members: [memberIn(ada, "owner", 0), memberIn(eve, "member", 10)],
  };
  return { ada, ben, eve, room };
}

export function memberIn(world: ChainWorld, role: RoomMember["role"], sinceEpoch: number): RoomMember {
  const { accountId, seq, head } = stateOf(world);
  return {
    accountId,
    name: role,
    origin: "https://one.example",
    role,
    sinceEpoch,
    seq,
    head,
    mutedUntilMs: null,
  };
}

export interface WrittenAt {
  readonly epoch?: number;
  readonly seq?: number;
  readonly device?: Op["device"];
  readonly deviceSeq?: number;
  readonly atMs?: number;
  readonly roomId?: ConversationId;
  readonly op?: Partial<Op>;
}

/** A message of the account's last active device, or of `device`, with its proof. */
export function writtenBy(world: ChainWorld, text: string, at: WrittenAt = {}): NamedOp {
  const { epoch = 5, seq = stateOf(world).seq, deviceSeq = 0, atMs = NOW_MS - DAY_MS, roomId = ROOM } = at;
  const device = at.device ?? present(activeKeys(world).at(-1), "an active device").id;
  const key = present(world.keysById.get(device), "its keys").sign;
  const bare: Op = {
    ...{
      version: 1,
      conversationId: ROOM,
      author: stateOf(world).accountId,
      device,
      deviceSeq,
      devicePrev: null,
    },
    ...{ hlc: atMs * HLC_TICKS_PER_MS, kind: OP_KIND.message, target: null, expire: null, ext: null },
    payload: encode(messagePayloadShape, { text }),
    ...at.op,
  };
  return createOp({ ...bare, ext: proveOp(key, { roomId, epoch, seq }, bare) });
}

export const idOf = (world: ChainWorld): AccountId => stateOf(world).accountId;
