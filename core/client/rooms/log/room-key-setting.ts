/**
 * Setting the key of a room's log, where it has another than the group gives and nothing says why: its founder's account, which owns it,
 * does so. Where groups have come apart and each changed the keys, neither reads what the other says, and two devices of the founder's
 * would take the log from each other without end: the one that came to the account first keeps it. Rule RM30.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { ConversationId, LogId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { putKey, type RoomRecord } from "../../../document/schema/groups.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import { isRoomLogOf } from "../../../protocol/room-log-id.ts";
import { isActive } from "../../../sigchain/chain-state.ts";
import type { ClientError } from "../../client-error.ts";
import type { Gateway } from "../../connection/gateway.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { keysOf, type RoomBook } from "../room-book.ts";
import type { PlacedRoom } from "./room-home.ts";
import { publicRoomKey } from "./room-keys.ts";
import type { RoomRestart } from "./room-restart.ts";

export interface RoomKeySettingDeps {
  readonly context: Pick<EngineContext, "identity" | "chain" | "serial">;
  readonly book: Pick<RoomBook, "set">;
  readonly intake: Pick<RoomIntake, "takeKeys">;
  readonly restart: Pick<RoomRestart, "doLeadOn" | "awaitsSibling">;
  /** The signed-in connection to the home server, or null. */
  home(): Gateway | null;
  contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>>;
  openAnew(roomId: ConversationId, logId: LogId): void;
  lookLater(roomId: ConversationId): void;
}

export interface RoomKeySetting {
  /** Makes the log one that this device's keys open, or goes on with those an elder sibling has set. True when either was done. */
  regain(placed: PlacedRoom, error: ClientError | null): Promise<Result<boolean, ClientError>>;
  /**
   * Tells siblings what has replaced a key this device has put on the log: who took that, and is in no group, has it from nobody else. Runs
   * within the serial.
   */
  sayReplaced(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
}

export function createRoomKeySetting(all: RoomKeySettingDeps): RoomKeySetting {
  const { context, book, intake, restart } = all;
  const { identity, serial } = context;

  const regain: RoomKeySetting["regain"] = async (placed, error) => {
    const { roomId, room } = placed;
    const { logId } = keysOf(room);
    const waits = (): Result<boolean, ClientError> => (error === null ? ok(false) : err(error));
    const yielded = await goOnWithElder(placed);
    if (!yielded.ok || yielded.value) return yielded;
    const now = await serial.run(() => all.contextOf(roomId));
    if (!now.ok) return now;
    const self = now.value === null ? null : memberOf(now.value, identity.accountId);
    const home = all.home();
    if (self?.sinceEpoch !== 0 || placed.home.origin !== identity.origin || home === null) return waits();
    // Two devices would take the log from each other without end.
    const awaits = await restart.awaitsSibling(placed, home);
    if (!awaits.ok) return awaits;
    if (awaits.value) {
      all.lookLater(roomId);
      return waits();
    }
    const said = await serial.run(() => say(roomId, room));
    if (!said.ok) return said;
    const set = await home.call("done", { type: "setLogKey", logId, appendKey: publicRoomKey(room.keys) });
    if (!set.ok) return set;
    all.openAnew(roomId, logId);
    return ok(true);
  };

  const sayReplaced: RoomKeySetting["sayReplaced"] = async (roomId, room) => {
    if (!room.puts.some(({ device }) => device === identity.deviceId)) return ok();
    // Keys of a group that was given up lead nobody on.
    const now = await all.contextOf(roomId);
    if (!now.ok || now.value === null) return now.ok ? ok() : now;
    return say(roomId, room);
  };

  /** Own devices are told before the log has it, so that a younger one does not set another meanwhile. */
  async function say(
    roomId: ConversationId,
    { keys: { accessSeed, roomKey }, puts }: RoomRecord,
  ): Promise<Result<void, ClientError>> {
    const device = identity.deviceId;
    const last = puts.find((one) => one.device === device);
    if (last !== undefined && equalBytes(last.accessSeed, accessSeed)) return ok();
    const part = { type: "put", device, count: (last?.count ?? 0) + 1, accessSeed, roomKey } as const;
    return book.set(roomId, new Map([[putKey(device), part]]));
  }

  /** What this device had of a group is given up, where the log has what an elder sibling put on it. RM26 */
  async function goOnWithElder(placed: PlacedRoom): Promise<Result<boolean, ClientError>> {
    const { roomId, room } = placed;
    if (room.standing.standing !== "joined" || !isRoomLogOf(room.keys.logId, identity.accountId))
      return ok(false);
    for (const keys of eldersKeys(room)) {
      const leadOn = await restart.doLeadOn(placed, keys);
      if (!leadOn.ok) return leadOn;
      if (!leadOn.value) continue;
      const taken = await serial.run(() => intake.takeKeys(roomId, room, keys, "forked"));
      if (!taken.ok) return taken;
      all.openAnew(roomId, room.keys.logId);
      return ok(true);
    }
    return ok(false);
  }

  /** What devices that came to the account before this one have put on the log, and this one does not have; the eldest first. */
  function eldersKeys({ puts, keys }: RoomRecord): RoomRecord["puts"] {
    const { devicesById } = context.chain();
    const addedSeq = (id: (typeof puts)[number]["device"]) => devicesById.get(id)?.addedSeq ?? Infinity;
    return puts
      .filter(
        ({ device }) => isActive(context.chain(), device) && addedSeq(device) < addedSeq(identity.deviceId),
      )
      .filter(({ accessSeed }) => !equalBytes(accessSeed, keys.accessSeed))
      .toSorted((a, b) => addedSeq(a.device) - addedSeq(b.device));
  }

  return { regain, sayReplaced };
}
