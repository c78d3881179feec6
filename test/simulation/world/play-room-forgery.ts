/**
 * A member of a room whose program was changed: it has every key a member has, and puts anything into the room's log, sealed as it has to
 * be, so that what it forges reaches the judge that is meant, and not only the first seal. It writes as a writer of its own.
 */
import { type Bytes, concatBytes } from "../../../core/base/bytes.ts";
import { KEY_PACKAGE_BYTES_MAX } from "../../../core/base/limits.ts";
import { idBytes, idFromBytes } from "../../../core/base/ids.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { encode } from "../../../core/codec/shape.ts";
import { capabilityKey } from "../../../core/client/devices/device-identity.ts";
import type { Engine } from "../../../core/client/engine.ts";
import { connectGateway } from "../../../core/client/connection/gateway.ts";
import { type LogChannel, openLogChannel } from "../../../core/client/connection/log-channel.ts";
import { keptKeysOf, keysOf } from "../../../core/client/rooms/room-book.ts";
import { NO_ENTRY } from "../../../core/client/rooms/log/room-landmarks.ts";
import { publicRoomKey } from "../../../core/client/rooms/log/room-keys.ts";
import { roomContextOf } from "../../../core/client/rooms/reading/room-judge.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { createGroupCrypto } from "../../../core/group/crypto-provider.ts";
import { isActive } from "../../../core/group/group.ts";
import { sealGroupMessage } from "../../../core/group/group-message.ts";
import { createKeyPackage } from "../../../core/group/key-package.ts";
import {
  openRoomEntry,
  type RoomBody,
  roomBodyShape,
  type RoomLetter,
  roomLetterShape,
  signDeparture,
  signRejoin,
} from "../../../core/messenger/room/room-entry.ts";
import { signPosition } from "../../../core/messenger/room/room-position.ts";
import { signStand } from "../../../core/messenger/room/room-stand.ts";
import { type Entry, ENTRY_KIND, encodeEntryHeader, writerTag } from "../../../core/protocol/entry.ts";
import { pick } from "../../fuzz/case-random.ts";
import { generatorOf } from "../../fuzz/generate-shape.ts";
import { good } from "../../support/client-world.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { changed } from "./changed-bytes.ts";
import { type Forged, forgeCommit, forgeFork, type RoomForging } from "./forge-room-commit.ts";
import { forgeRoomOp } from "./forge-op.ts";
import type { RoomForgeStep } from "./hostile-plan.ts";
import { count, type Stage } from "./play-step.ts";
import { isHostile, type World } from "./world.ts";

/** Entries of one step. */
const FORGED_MAX = 4;
/** So far back is copied from. */
const REPLAYED_MAX = 40;
/** What an entry holds, with what is put around it. */
const BODY_BYTES_MAX = 200_000;
const YEAR_MS = 365 * 86_400_000;

/** Somebody's program writes into a room what it should not. */
export async function playRoomForgery(stage: Stage, step: RoomForgeStep): Promise<void> {
  const { world } = stage;
  const random = createSeededRandom(`${world.plan.seed}/forge-room/${step.act}/${step.pick}`);
  const forger = world.members().find((one) => isHostile(world, one.person) && one.device.client !== null);
  const engine = forger?.engine ?? null;
  if (engine === null) return;
  const at = await engine.context.serial.run(() => placeOf(world, engine, random));
  if (at === null) return;
  world.forgedRoomLogs.add(at.logId);
  if (step.act === "package") await publishLies(at);
  const gateway = await connectGateway(engine.context, at.origin);
  if (!gateway.ok) return;
  const writer = signKeyPairFromSeed(random.bytes(32));
  const capability = capabilityKey(at.keys.accessSeed);
  const open = { logId: at.logId, right: "append", capability, writer } as const;
  const channel = await openLogChannel(gateway.value, 1, open);
  const isOut = channel.ok && (await send(at, step, writer.publicKey, channel.value));
  gateway.value.close();
  count(stage, isOut ? `forged in a room: ${step.act}` : "forgeries that did not get out");
}

/** A room the forger is in; null for none. Runs within the serial. */
async function placeOf(world: World, engine: Engine, random: SeededRandom): Promise<RoomForging | null> {
  const rooms = [...world.rooms.values()];
  if (rooms.length === 0) return null;
  const { id: roomId } = pick(random, rooms);
  const record = await engine.rooms.book.get(roomId);
  if (!record.ok || record.value === null) return null;
  const loaded = good(await engine.rooms.groups.load(roomId));
  const isIn = loaded !== null && isActive(loaded);
  // Its program gives its group up when it meets what was forged; whoever changed it does not.
  const group = isIn ? loaded : world.forgerGroups.get(roomId);
  const now = group === undefined ? null : roomContextOf(group);
  if (group === undefined || now === null) return null;
  world.forgerGroups.set(roomId, group);
  if (!isIn) await goOn({ engine, roomId }, { group, keys: keptKeysOf(record.value) });
  const last = await engine.tables.handshake.get(roomId);
  const { logId, origin, ...keys } = keysOf(record.value);
  const expect = (last.ok ? last.value?.last : undefined) ?? NO_ENTRY;
  const suite = createGroupCrypto(random);
  return { world, engine, random, suite, roomId, logId, origin, keys, group, now, expect };
}

async function send(
  at: RoomForging,
  step: RoomForgeStep,
  publicKey: Bytes,
  channel: LogChannel,
): Promise<boolean> {
  const { random, keys, logId } = at;
  const forged = await forge(at, step, channel);
  if (forged === null || forged.bodies.length === 0) return false;
  const held = forged.bodies.filter(({ body }) => body.length <= BODY_BYTES_MAX);
  const entries = held.map(({ kind, body, expect = null }, index): Entry => {
    const header = encodeEntryHeader({
      ...{ version: 1, kind, writerTag: writerTag(logId, publicKey), epoch: null, expect },
      writerSeq: index + 1,
    } as Parameters<typeof encodeEntryHeader>[0]);
    const aad = concatBytes(idBytes(logId), header);
    const isNoise = step.act === "noise" && random.chance(50);
    const sealed = isNoise
      ? body
      : seal(random, { key: keys.roomKey, label: LABEL.sealRoomEntry, aad }, pad(body));
    return { header, sealed };
  });
  const last = entries.at(-1);
  if (last === undefined) return false;
  // Its own program reads what it wrote when it goes on from there already.
  return at.engine.context.serial.run(async () => {
    if (entries.length > 1) await channel.append(entries.slice(0, -1));
    const placed =
      forged.rekey === undefined
        ? await channel.append([last]).then((all) => (all.ok ? (all.value[0] ?? null) : null))
        : await channel.appendAndRekey(last, forged.rekey).then((one) => (one.ok ? one.value : null));
    if (placed === null || placed.type === "refused") return false;
    if (forged.next !== undefined) await goOn(at, forged.next);
    return true;
  });
}

/** The forger's own program goes on with the group that its commit makes. Runs within the serial. */
async function goOn(
  { engine, roomId }: Pick<RoomForging, "engine" | "roomId">,
  next: NonNullable<Forged["next"]>,
): Promise<void> {
  const { groups, book } = engine.rooms;
  const writes = groups.whole(roomId, next.group);
  const put = new Set(writes.map(({ key }) => key));
  const forgotten = good(await groups.forget(roomId)).filter(({ key }) => !put.has(key));
  const kept = book.keep(roomId, next.keys);
  const stored = await engine.context.store.batch([...forgotten, ...writes, kept.write]);
  // Its disk is full: it stays behind.
  if (!stored.ok) return;
  kept.commit();
  groups.keep(roomId, next.group);
}

const words = (...bodies: readonly Bytes[]): Forged => ({
  bodies: bodies.map((body) => ({ kind: ENTRY_KIND.roomMessage, body })),
});

async function forge(
  at: RoomForging,
  { act, pick: kind }: RoomForgeStep,
  channel: LogChannel,
): Promise<Forged | null> {
  const { random } = at;
  switch (act) {
    case "noise":
      return {
        bodies: several(random, () => ({
          kind: random.chance(30) ? random.below(90) + 1 : pick(random, [4, 5]),
          body: random.bytes(1 + random.below(2_000)),
        })),
      };
    case "entry":
      return {
        bodies: several(random, () => ({
          kind: random.chance(20) ? ENTRY_KIND.roomHandshake : ENTRY_KIND.roomMessage,
          body: generated(random, roomBodyShape),
          ...(random.chance(20) ? { expect: at.expect } : {}),
        })),
      };
    case "letter": {
      const letters: Bytes[] = [];
      for (const _ of several(random, () => null)) {
        const letter = await at.engine.context.serial.run(() => sealLetter(at, channel));
        if (letter !== null) letters.push(letter);
      }
      return words(...letters);
    }
    case "word":
      return words(...several(random, () => encode(roomBodyShape, word(at))));
    case "replay":
      return replay(at, channel);
    case "commit":
      return forgeCommit(at, kind);
    case "fork":
      return forgeFork(at);
    case "rekey": {
      const key = random.chance(70)
        ? signKeyPairFromSeed(random.bytes(32)).publicKey
        : publicRoomKey(at.keys);
      return { ...words(encode(roomBodyShape, word(at))), rekey: key };
    }
    case "package": {
      const { accountId, deviceId, keys } = at.engine.context.identity;
      const request = signRejoin(random, keys.sign, { roomId: at.roomId, accountId, deviceId });
      return words(encode(roomBodyShape, { type: "rejoin", request }));
    }
  }
}

function several<T>(random: SeededRandom, make: () => T): readonly T[] {
  return Array.from({ length: 1 + random.below(FORGED_MAX) }, make);
}

/** A value of a shape, as it is or changed. */
function generated(random: SeededRandom, shape: unknown): Bytes {
  const generate = generatorOf((shape as { readonly print: string }).print);
  if (generate === null) throw new Error("a structure prints itself");
  const bytes = encodeCbor(generate(random));
  return random.chance(70) ? bytes : changed(random, bytes);
}

/** A letter of the group, sealed as its own would be. Runs within the serial. */
async function sealLetter(at: RoomForging, channel: LogChannel): Promise<Bytes | null> {
  const { engine, random, roomId, suite } = at;
  const { tables, store } = engine.context;
  const group = good(await engine.rooms.groups.load(roomId));
  if (group === null || !isActive(group)) return null;
  const page = await channel.read(Math.max(0, channel.head.seq - REPLAYED_MAX));
  const placed = page.ok ? page.value.entries.map((one) => engine.context.entryId(at.logId, one)) : [];
  const reader = good(await tables.reader.get(at.logId));
  const lie = { incarnation: random.below(2), seq: random.below(60), chain: random.bytes(32) };
  const ops = await Promise.all(several(random, () => forgeRoomOp(at)));
  const letter: RoomLetter = {
    type: "letter",
    ops: ops.map(({ bytes }) => bytes),
    seen: reader === null || random.chance(15) ? lie : reader.point,
    replaces: random.chance(60) || placed.length === 0 ? [] : several(random, () => pick(random, placed)),
  };
  const plaintext = random.chance(50) ? encode(roomLetterShape, letter) : generated(random, roomLetterShape);
  const message = await sealGroupMessage({ suite, authenticate: () => false }, group, {
    plaintext,
    authenticatedData: new Uint8Array(0),
  });
  if (!message.ok) return null;
  const { sealed, next } = message.value;
  const stored = await store.batch(good(await engine.rooms.groups.step(roomId, next)));
  if (!stored.ok) return null;
  engine.rooms.groups.keep(roomId, next);
  return encode(roomBodyShape, {
    type: "message",
    sealed: random.chance(85) ? sealed : changed(random, sealed),
  });
}

/** What is said beside the group, signed by this device and mostly in somebody else's name, or about what is not so. */
function word({ engine, random, roomId, now, expect }: RoomForging): RoomBody {
  const { identity } = engine.context;
  const someone = pick(random, now.members);
  const isOwn = random.chance(35);
  const accountId = isOwn ? identity.accountId : someone.accountId;
  const deviceId = isOwn || random.chance(30) ? identity.deviceId : idFromBytes("device", random.bytes(16));
  const by = { accountId, deviceId };
  const epoch = random.below(40);
  switch (random.below(4)) {
    case 0: {
      // Its own departure would be true.
      const of = { ...by, accountId: isOwn ? someone.accountId : accountId, roomId };
      if (of.accountId === identity.accountId) break;
      return {
        type: "departure",
        departure: signDeparture(identity.keys.sign, { ...of, sinceEpoch: someone.sinceEpoch }),
      };
    }
    case 1:
      return {
        type: "stand",
        stand: signStand(identity.keys.sign, roomId, {
          ...by,
          ...{ handshake: random.chance(80) ? expect : NO_ENTRY, epoch, state: random.bytes(32) },
          missing: several(random, () => idFromBytes("entry", random.bytes(32))),
        }),
      };
    case 2: {
      const upto = { incarnation: random.below(3), seq: random.below(40), chain: random.bytes(32) };
      const claim = { ...by, incarnation: 1 + random.below(3), upto, epoch, commits: [random.bytes(32)] };
      return { type: "position", position: signPosition(identity.keys.sign, roomId, claim) };
    }
  }
  return { type: "rejoin", request: signRejoin(random, identity.keys.sign, { roomId, ...by }) };
}

/** What stands in the log already, in another order and under other headers. */
async function replay(at: RoomForging, channel: LogChannel): Promise<Forged | null> {
  const { random, logId, keys, expect } = at;
  const page = await channel.read(Math.max(0, channel.head.seq - REPLAYED_MAX));
  if (!page.ok) return null;
  const bodies = page.value.entries.flatMap(({ header, sealed }) => {
    const body = openRoomEntry(keys.roomKey, { logId, header }, sealed);
    return body === null ? [] : [body];
  });
  if (bodies.length === 0) return null;
  return {
    bodies: several(random, () => {
      const body = pick(random, bodies);
      const isHandshake = (body.type === "commit") !== random.chance(10);
      const bytes = encode(roomBodyShape, body);
      return isHandshake
        ? { kind: ENTRY_KIND.roomHandshake, body: bytes, expect }
        : { kind: ENTRY_KIND.roomMessage, body: bytes };
    }),
  };
}

/** Key packages of this device that are of another member, over, or nothing at all: whoever adds it gets these. */
async function publishLies({ engine, random, suite, world, now }: RoomForging): Promise<void> {
  const home = await engine.connected();
  if (!home.ok) return;
  const { identity } = engine.context;
  const other = pick(random, now.members);
  const nowMs = world.time.nowMs();
  const members = [
    { accountId: other.accountId, deviceId: identity.deviceId },
    { accountId: identity.accountId, deviceId: idFromBytes("device", random.bytes(16)) },
    { accountId: identity.accountId, deviceId: identity.deviceId },
  ];
  const made = await Promise.all(
    members.map(async (member) => {
      const seed = random.chance(50) ? identity.seeds.mls : random.bytes(32);
      const untilMs = random.chance(70) ? nowMs + YEAR_MS / 8 : nowMs + 1;
      const pair = await createKeyPackage(
        suite,
        { member, signSeed: seed },
        { fromMs: nowMs - 1_000, untilMs },
      );
      return random.chance(60) ? pair.published : changed(random, pair.published);
    }),
  );
  const expiresAtMs = nowMs + YEAR_MS / 8;
  // What is no frame is not sent.
  const sent = made.filter(({ length }) => length > 0 && length <= KEY_PACKAGE_BYTES_MAX);
  if (sent.length === 0) return;
  const keyPackages = sent.map((keyPackage) => ({ keyPackage, isLastResort: false, expiresAtMs }));
  await home.value.gateway.call("done", { type: "publishKeyPackages", keyPackages });
}
