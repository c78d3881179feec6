/**
 * A contact whose program was changed: it knows all keys a contact has, and seals and sends anything. Its sessions go on as they
 * should, so that what it forges reaches the parser that is meant, and not only the first seal.
 */
import type { Bytes } from "../../../core/base/bytes.ts";
import { type DeviceId, idBytes, idFromBytes, type LogId } from "../../../core/base/ids.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { encode } from "../../../core/codec/shape.ts";
import { findAdmissionWork } from "../../../core/client/connection/admission-work.ts";
import { capabilityKey } from "../../../core/client/devices/device-identity.ts";
import { connectGateway } from "../../../core/client/connection/gateway.ts";
import { openLogChannel } from "../../../core/client/connection/log-channel.ts";
import { requestRoute, type Route } from "../../../core/client/conversations/seal-for-contact.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { type SignKeyPair, signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { bodyShape, encodeLetter, hashBody, ratchetContext } from "../../../core/messenger/envelope.ts";
import {
  inboundEntryShape,
  inboundOuterShape,
  type RequestOuter,
  sealInbound,
  sealRequest,
} from "../../../core/messenger/inbound-entry.ts";
import { parseOp } from "../../../core/messenger/op.ts";
import {
  type Entry,
  type EntryKind,
  ENTRY_KIND,
  encodeEntryHeader,
  writerTag,
} from "../../../core/protocol/entry.ts";
import { encryptMessage } from "../../../core/ratchet/session-set.ts";
import { decodeSessionSet, encodeSessionSet } from "../../../core/ratchet/session-set-codec.ts";
import { type ChainState, pinOf } from "../../../core/sigchain/chain-state.ts";
import { rowKeyParts } from "../../../core/store/row-key.ts";
import { pick } from "../../fuzz/case-random.ts";
import { good } from "../../support/client-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { changed } from "./changed-bytes.ts";
import { type ForgingPlace, forgeOp } from "./forge-op.ts";
import type { HostileStep } from "./hostile-plan.ts";
import { count, type Stage } from "./play-step.ts";
import type { World } from "./world.ts";

/** Entries of one step. */
const FORGED_MAX = 4;

type Envelopes = RequestOuter["envelopes"];

/** All that is known where something is forged. */
interface Forging extends ForgingPlace {
  readonly step: HostileStep;
  readonly chain: ChainState;
  readonly route: Route;
  readonly key: SignKeyPair;
}

/** Somebody's program writes what it should not. */
export async function playHostileStep(stage: Stage, step: HostileStep): Promise<void> {
  const { world } = stage;
  const random = createSeededRandom(`${world.plan.seed}/forge/${step.pick}`);
  const forger = world.people[world.plan.hostile ?? -1]?.devices.find(({ engine }) => engine !== null);
  const victim = pick(
    random,
    world.people.filter((person) => person !== forger?.person),
  );
  const engine = forger?.device.client === null ? null : (forger?.engine ?? null);
  if (engine === null || forger === undefined || victim.accountId === null) return;
  const found = await engine.contacts.get(victim.accountId);
  const chain = await engine.context.storedChain(victim.accountId);
  if (!found.ok || found.value?.theirs == null || !chain.ok || chain.value === null) return;
  const asked = step.act === "request" ? requestRoute(chain.value) : null;
  const route = asked ?? ({ type: "inbound", keys: found.value.theirs } as const);
  const logId = route.type === "inbound" ? route.keys.logId : route.logId;
  world.forgedLogs.add(logId);
  const key = signKeyPairFromSeed(random.bytes(32));
  const forging: Forging = { world, engine, victim, random, step, chain: chain.value, route, key };
  const entries: Entry[] = [];
  const howMany = route.type === "request" ? 1 : 1 + random.below(FORGED_MAX);
  for (let seq = 1; seq <= howMany; seq++) {
    const entry = await engine.context.serial.run(() => forgeEntry(forging, seq));
    if (entry !== null) entries.push(entry);
  }
  const isOut = await send(forging, found.value.origin, entries);
  count(stage, isOut ? `forged ${step.act}` : "forgeries that did not get out");
}

async function send({ engine, route, key }: Forging, origin: string, entries: readonly Entry[]) {
  const gateway = await connectGateway(engine.context, origin);
  if (!gateway.ok) return false;
  const isInbound = route.type === "inbound";
  const logId = isInbound ? route.keys.logId : route.logId;
  const capability = isInbound ? capabilityKey(route.keys.appendSeed) : null;
  const channel = await openLogChannel(gateway.value, 1, { logId, right: "append", capability, writer: key });
  const first = entries[0];
  if (!channel.ok || first === undefined) return false;
  const entryId = idBytes(engine.context.entryId(logId, first));
  const bits = 4;
  const nonce = isInbound ? null : await findAdmissionWork(engine.context.clock, { logId, entryId }, bits);
  const sent = await channel.value.append(entries, nonce === null ? undefined : { type: "work", nonce });
  gateway.value.close();
  return sent.ok;
}

/** One entry, as the step says; null where there is no session to forge it in. */
async function forgeEntry(at: Forging, writerSeq: number): Promise<Entry | null> {
  const { random, route, step, key } = at;
  const logId = route.type === "inbound" ? route.keys.logId : route.logId;
  const isNoise = step.act === "noise";
  const kind: EntryKind = route.type === "request" ? ENTRY_KIND.contactRequest : ENTRY_KIND.message;
  const header = encodeEntryHeader({
    version: 1,
    kind: isNoise && random.chance(30) ? random.below(90) + 1 : kind,
    writerTag: writerTag(logId, key.publicKey),
    writerSeq,
    epoch: route.type === "request" ? route.epoch : null,
    expect: null,
  } as Parameters<typeof encodeEntryHeader>[0]);
  if (isNoise) return { header, sealed: random.bytes(1 + random.below(2_000)) };
  const { body, letter } = await forgeLetter(at);
  const envelopes = await forgeEnvelopes(at, letter, { logId, kind });
  return envelopes === null ? null : { header, sealed: sealEntry(at, { logId, header }, body, envelopes) };
}

/** A body and the letter that leads to it; which of them was changed is up to the step. */
async function forgeLetter(at: Forging): Promise<{ readonly body: Bytes; readonly letter: Bytes }> {
  const { random, step, engine, chain } = at;
  const ops = [await forgeOp(at), await forgeOp(at)].slice(random.below(2));
  const plain = encode(
    bodyShape,
    ops.map(({ bytes }) => bytes),
  );
  const listed = step.act === "body" ? changed(at.random, plain) : plain;
  const bodyKey = random.bytes(32);
  const body = seal(random, { key: bodyKey, label: LABEL.sealBody, aad: new Uint8Array(0) }, pad(listed));
  const ids = ops.map(({ bytes }) => idBytes(good(parseOp(bytes)).id));
  const isNonsense = random.chance(10);
  const nonsense = { seq: random.below(60), head: idFromBytes("link", random.bytes(32)) };
  const pin = (state: ChainState) =>
    isNonsense ? nonsense : { seq: pinOf(state).seq, head: pinOf(state).head };
  const letter = encodeLetter({
    version: 1,
    bodyKey,
    bodyHash: hashBody(body),
    opsHash: hash(LABEL.bodyOps, ...ids),
    mine: pin(engine.context.chain()),
    yours: pin(chain),
    receipt: null,
  });
  return { body, letter: step.act === "letter" ? changed(at.random, letter) : letter };
}

/** The letter for each device there is a session with, which goes on as it should. */
async function forgeEnvelopes(
  { engine, victim, random }: Forging,
  letter: Bytes,
  { logId, kind }: { readonly logId: LogId; readonly kind: EntryKind },
): Promise<Envelopes | null> {
  const { tables, store } = engine.context;
  const account = victim.accountId ?? "";
  const envelopes: { device: DeviceId; envelope: Bytes }[] = [];
  for (const { key, value } of good(await tables.session.scan({ under: [account] }))) {
    const device = rowKeyParts(key)[2] as DeviceId;
    const set = good(decodeSessionSet(value.sessions));
    const sealed = encryptMessage({ random }, set, {
      context: ratchetContext(logId, kind),
      plaintext: letter,
    });
    if (!sealed.ok) continue;
    const { set: next, envelope } = sealed.value;
    const written = await store.batch([
      tables.session.put([account, device], { sessions: encodeSessionSet(next) }),
    ]);
    if (!written.ok) return null;
    envelopes.push({ device, envelope });
  }
  return envelopes.length === 0 ? null : envelopes;
}

function sealEntry(
  at: Forging,
  place: { readonly logId: LogId; readonly header: Bytes },
  body: Bytes,
  envelopes: Envelopes,
): Bytes {
  const { engine, random, route, step, world } = at;
  const { identity, chain } = engine.context;
  const device = random.chance(85) ? identity.deviceId : idFromBytes("device", random.bytes(16));
  if (route.type === "request") {
    const { seq, head } = pinOf(chain());
    const account = random.chance(40) ? identity.accountId : anybody(world, random);
    const origin = random.chance(70) ? identity.origin : "https://nowhere.example";
    const outer = { version: 1, account, origin, chainSeq: seq, chainHead: head, device, envelopes } as const;
    return good(sealRequest(random, route.requestKey, place, outer, body));
  }
  const replaces = random.chance(80) ? [] : [idFromBytes("entry", random.bytes(32))];
  const outer = { version: 1, device, envelopes, replaces } as const;
  const { outerKey } = route.keys;
  if (step.act !== "outer") return sealInbound(random, outerKey, place, outer, body);
  const label = LABEL.sealInboundOuter;
  const aad = encodeCbor([label, idBytes(place.logId), place.header, hashBody(body)]);
  const plain = pad(changed(at.random, encode(inboundOuterShape, outer)));
  return encode(inboundEntryShape, { outer: seal(random, { key: outerKey, label, aad }, plain), body });
}

function anybody({ people }: World, random: ForgingPlace["random"]) {
  const ids = people.flatMap(({ accountId }) => accountId ?? []);
  return random.chance(70) ? pick(random, ids) : idFromBytes("account", random.bytes(32));
}
