/** Ops of a changed program: well-formed, of every kind, and about whatever it likes. */
import { type ConversationId, idFromBytes } from "../../../core/base/ids.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { encode } from "../../../core/codec/shape.ts";
import type { Engine } from "../../../core/client/engine.ts";
import {
  createOp,
  directConversationId,
  introductionPayloadShape,
  markPayloadShape,
  messagePayloadShape,
  type NamedOp,
  nameOp,
  type Op,
  OP_KIND,
  redactionPayloadShape,
  unsentPayloadShape,
} from "../../../core/messenger/op.ts";
import { roomInvitationPayloadShape } from "../../../core/messenger/room/room-invitation.ts";
import { pick } from "../../fuzz/case-random.ts";
import { generatorOf } from "../../fuzz/generate-shape.ts";
import { good } from "../../support/client-world.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import { CANARY, type Person, type World } from "./world.ts";

const PAYLOADS = [
  [OP_KIND.introduction, introductionPayloadShape],
  [OP_KIND.mark, markPayloadShape],
  [OP_KIND.redaction, redactionPayloadShape],
  [OP_KIND.roomInvitation, roomInvitationPayloadShape],
  [OP_KIND.unsent, unsentPayloadShape],
].map(([kind, shape]) => {
  const { print } = shape as typeof markPayloadShape;
  return { kind: kind as number, generate: generatorOf(print) };
});
const TICKS_PER_MS = 1_024;
const YEAR_MS = 365 * 86_400_000;

/** Where an op is forged. */
export interface ForgingPlace {
  readonly world: World;
  readonly engine: Engine;
  readonly victim: Person;
  readonly random: SeededRandom;
}

/** One op: mostly in the forger's own name and conversation, else in anybody's. */
export async function forgeOp(at: ForgingPlace): Promise<NamedOp> {
  const { world, engine, victim, random } = at;
  const { identity } = engine.context;
  const accounts = world.people.flatMap(({ accountId }) => accountId ?? []);
  const isOwn = random.chance(60);
  const author = isOwn ? identity.accountId : pick(random, accounts);
  const other = isOwn ? victim.accountId : pick(random, accounts);
  const fields: Op = {
    version: 1,
    conversationId: directConversationId(author, other ?? author),
    author,
    device: random.chance(85) ? identity.deviceId : idFromBytes("device", random.bytes(16)),
    deviceSeq: random.chance(70) ? random.below(40) : random.below(2_147_483_647),
    devicePrev: random.chance(50) ? null : idFromBytes("op", random.bytes(32)),
    hlc: Math.max(0, world.time.nowMs() + (random.below(3) - 1) * random.below(YEAR_MS)) * TICKS_PER_MS,
    kind: OP_KIND.message,
    target: null,
    payload: encode(messagePayloadShape, { text: `${CANARY}forged:${random.below(1_000_000)}` }),
    expire: random.chance(80) ? null : world.time.nowMs() + random.below(10_000),
    ext: random.chance(90) ? null : random.bytes(random.below(64)),
  };
  if (random.chance(35)) return createOp(fields);
  if (random.chance(40)) return createOp({ ...fields, ...(await takingBack(at, fields.conversationId)) });
  const { kind, generate } = pick(random, PAYLOADS);
  if (generate === null) throw new Error("a payload prints itself");
  const payload = random.chance(15) ? random.bytes(random.below(200)) : encodeCbor(generate(random));
  return createOp({ ...fields, kind: random.chance(90) ? kind : random.below(64) + 1, payload });
}

/** Where an op of a room is forged. */
export interface RoomForgingPlace {
  readonly world: World;
  readonly engine: Engine;
  readonly random: SeededRandom;
  readonly roomId: ConversationId;
}

/** One op for a room: in the forger's own name or in anybody's, and one in three takes back what others have said. */
export async function forgeRoomOp({ world, engine, random, roomId }: RoomForgingPlace): Promise<NamedOp> {
  const { identity } = engine.context;
  const said = await opsOf(engine);
  const theirs = said.filter(({ op }) => op.conversationId === roomId && op.author !== identity.accountId);
  const whose = theirs.length === 0 || random.chance(40) ? null : pick(random, theirs).op;
  const kinds = PAYLOADS.filter(({ kind }) => kind !== OP_KIND.redaction);
  const { kind, generate } = pick(random, kinds);
  const text = encode(messagePayloadShape, { text: `${CANARY}forged:${random.below(1_000_000)}` });
  const isMessage = random.chance(60) || generate === null;
  const taken = theirs.length > 0 && random.chance(33) ? backOf(pick(random, theirs)) : {};
  return createOp({
    version: 1,
    conversationId: random.chance(90)
      ? roomId
      : directConversationId(identity.accountId, whose?.author ?? identity.accountId),
    author: whose?.author ?? identity.accountId,
    device: whose?.device ?? identity.deviceId,
    deviceSeq: random.below(60),
    devicePrev: random.chance(50) ? null : idFromBytes("op", random.bytes(32)),
    hlc: Math.max(0, world.time.nowMs() + (random.below(3) - 1) * random.below(YEAR_MS)) * TICKS_PER_MS,
    kind: isMessage ? OP_KIND.message : kind,
    target: null,
    payload: isMessage ? text : encodeCbor(generate(random)),
    expire: random.chance(80) ? null : world.time.nowMs() + random.below(10_000),
    ext: random.chance(90) ? null : random.bytes(random.below(64)),
    ...taken,
  });
}

async function opsOf({ tables }: Engine): Promise<readonly NamedOp[]> {
  const pages = good(await tables.op.scan());
  return pages.flatMap(({ value }) => value.map(({ id, op }) => good(nameOp(idFromBytes("op", id), op))));
}

function backOf({ id, op: { device, deviceSeq, hlc } }: NamedOp): Partial<Op> {
  return {
    kind: OP_KIND.redaction,
    target: id,
    payload: encode(redactionPayloadShape, { device, deviceSeq, hlc }),
  };
}

/** What takes back what the victim has written to the forger; without any, whatever there is. */
async function takingBack(
  { engine, random }: ForgingPlace,
  conversationId: ConversationId,
): Promise<Partial<Op>> {
  const ops = await opsOf(engine);
  const { accountId } = engine.context.identity;
  const theirs = ops.filter(
    ({ op }) =>
      op.conversationId === conversationId && op.author !== accountId && op.kind === OP_KIND.message,
  );
  const among = theirs.length > 0 ? theirs : ops;
  if (among.length === 0) return {};
  return backOf(pick(random, among));
}
