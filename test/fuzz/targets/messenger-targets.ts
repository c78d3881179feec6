/** What other people send: ops, envelopes of the ratchet, entries of inbound and request logs. */
import { type Bytes, equalBytes } from "../../../core/base/bytes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { ENVELOPE_PLAINTEXT_BYTES_MAX } from "../../../core/base/limits.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { decode, encode, type Shape } from "../../../core/codec/shape.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { kemKeyPairFromSeed } from "../../../core/crypto/xwing.ts";
import { encodeArchivedOp, parseArchivedOp } from "../../../core/messenger/archived-op.ts";
import { bodyShape, encodeLetter, hashBody, openBody, sealBody } from "../../../core/messenger/envelope.ts";
import { openInbound, openRequest, sealInbound, sealRequest } from "../../../core/messenger/inbound-entry.ts";
import {
  introductionPayloadShape,
  markPayloadShape,
  messagePayloadShape,
  OP_KIND,
  parseOp,
  redactedBy,
  redactedMessage,
  redactionPayloadShape,
} from "../../../core/messenger/op.ts";
import {
  roomInvitationPayloadShape,
  roomOutPayloadShape,
} from "../../../core/messenger/room/room-invitation.ts";
import { timelineOf } from "../../../core/messenger/timeline.ts";
import { encodeEntryHeader, ENTRY_KIND } from "../../../core/protocol/entry.ts";
import { decodeEnvelope } from "../../../core/ratchet/envelope.ts";
import { decryptMessage, encryptMessage, preKeyIdsNeeded } from "../../../core/ratchet/session-set.ts";
import { decodeSessionSet, encodeSessionSet } from "../../../core/ratchet/session-set-codec.ts";
import { must } from "../../support/chain-world.ts";
import { accountOf, deviceOf, entryOf, filled, logOf, messageOp } from "../../support/messages.ts";
import { createConversation, createEstablished } from "../../support/ratchet-conversation.ts";
import { finderOf, pairOf } from "../../support/ratchet-device.ts";
import { BrokenPromise, type FuzzTarget, type Verdict, verdictOf } from "../fuzz-target.ts";
import { generatorOf } from "../generate-shape.ts";
import { fitting } from "./account-targets.ts";

const NOW_MS = 1_800_000_100_000;
const PAYLOAD_SHAPE_BY_KIND: readonly (readonly [number, Shape<unknown>])[] = [
  [OP_KIND.message, messagePayloadShape],
  [OP_KIND.introduction, introductionPayloadShape],
  [OP_KIND.mark, markPayloadShape],
  [OP_KIND.redaction, redactionPayloadShape],
  [OP_KIND.roomInvitation, roomInvitationPayloadShape],
  [OP_KIND.roomOut, roomOutPayloadShape],
];

const ops: FuzzTarget = {
  name: "ops",
  about: "ops of every kind with their payloads, what a conversation shows of them, and ops in an archive",
  prepare(random) {
    const feed = (input: Bytes): Verdict => {
      const op = parseOp(input);
      if (!op.ok) return verdictOf(op);
      timelineOf([op.value, op.value], NOW_MS);
      const redacted = redactedBy(op.value);
      if (redacted !== null && !parseOp(redactedMessage(redacted).bytes).ok)
        throw new BrokenPromise("what is left of a redacted message is no op");
      const shape = PAYLOAD_SHAPE_BY_KIND.find(([kind]) => kind === op.value.op.kind)?.[1];
      return verdictOf(shape === undefined ? op : decode(shape, op.value.op.payload));
    };
    const seeds = PAYLOAD_SHAPE_BY_KIND.flatMap(([kind, shape]) => {
      const generate = generatorOf(shape.print);
      if (generate === null) throw new Error("a payload prints itself");
      return [1, 2, 3].map(() => {
        const target = kind === OP_KIND.redaction ? idFromBytes("op", random.bytes(32)) : null;
        return messageOp({ kind, target, payload: encodeCbor(generate(random)) });
      });
    });
    return {
      seeds: [
        ...seeds.map(({ bytes }) => ({ bytes, form: "cbor" as const, feed })),
        {
          bytes: encodeArchivedOp(messageOp(), entryOf(1)),
          form: "cbor",
          feed: (input) => verdictOf(parseArchivedOp(input)),
        },
      ],
    };
  },
};

const envelopes: FuzzTarget = {
  name: "envelopes",
  about: "ratchet envelopes, first ones and later ones, and stored sessions: a refusal changes nothing",
  prepare(random) {
    const first = createConversation(random);
    first.start("a");
    const established = createEstablished(random);
    const after = (conversation: typeof first) => {
      const device = conversation.device.b;
      const set = conversation.set("b");
      const pair = pairOf(device, conversation.device.a);
      return (envelope: Bytes): Verdict => {
        const before = set === null ? null : encodeSessionSet(set);
        verdictOf(decodeEnvelope(envelope));
        verdictOf(preKeyIdsNeeded(set, envelope));
        const findPreKey = finderOf(device);
        const opened = decryptMessage(set, pair, { context: conversation.context, envelope, findPreKey });
        if (set !== null && before !== null && !equalBytes(encodeSessionSet(set), before))
          throw new BrokenPromise("the sessions that were there have changed");
        return verdictOf(opened);
      };
    };
    const set = established.set("a");
    if (set === null) throw new Error("there is a session");
    const later = must(
      encryptMessage({ random }, set, { context: established.context, plaintext: random.bytes(40) }),
    );
    return {
      seeds: [
        {
          bytes: first.send("a", random.bytes(ENVELOPE_PLAINTEXT_BYTES_MAX)),
          form: "bytes",
          feed: after(first),
        },
        { bytes: first.send("a", random.bytes(3)), form: "bytes", feed: after(first) },
        { bytes: later.envelope, form: "bytes", feed: after(established) },
        {
          bytes: encodeSessionSet(set),
          form: "cbor",
          feed: (input) => verdictOf(decodeSessionSet(input)),
        },
      ],
    };
  },
};

const letters: FuzzTarget = {
  name: "letters",
  about: "entries of inbound and request logs, and any body and letter that a contact has sealed",
  prepare(random) {
    const header = (kind: number) =>
      encodeEntryHeader({
        version: 1,
        kind,
        writerTag: idFromBytes("writerTag", random.bytes(16)),
        writerSeq: 1,
        epoch: null,
        expect: null,
      });
    const place = { logId: logOf(1), header: header(ENTRY_KIND.message) };
    const requestPlace = { logId: logOf(1), header: header(ENTRY_KIND.contactRequest) };
    const outerKey = filled(5);
    const requestKey = kemKeyPairFromSeed(filled(8));
    const sealed = sealBody(random, [messageOp(), messageOp({ deviceSeq: 1 })]);
    const pin = { seq: 3, head: idFromBytes("link", filled(9)) };
    const letter = (body: Bytes, opsHash: Bytes) =>
      encodeLetter({
        version: 1,
        bodyKey: sealed.bodyKey,
        bodyHash: hashBody(body),
        opsHash,
        mine: pin,
        yours: pin,
        receipt: null,
      });
    const envelope = { device: deviceOf(1), envelope: random.bytes(40) };
    const outer = { version: 1, device: deviceOf(1), envelopes: [envelope] } as const;
    const request = {
      ...outer,
      account: accountOf(1),
      origin: "https://dove.example",
      chainSeq: 3,
      chainHead: pin.head,
    };
    const bodyOf = (plain: Bytes): Bytes =>
      seal(random, { key: sealed.bodyKey, label: LABEL.sealBody, aad: new Uint8Array(0) }, pad(plain));
    return {
      seeds: [
        {
          bytes: sealInbound(random, outerKey, place, { ...outer, replaces: [entryOf(1)] }, sealed.body),
          form: "cbor",
          feed: (input) => verdictOf(openInbound(outerKey, place, input)),
        },
        {
          bytes: must(sealRequest(random, requestKey.publicKey, requestPlace, request, sealed.body)),
          form: "cbor",
          feed: (input) => verdictOf(openRequest(requestKey, requestPlace, input)),
        },
        {
          bytes: letter(sealed.body, sealed.opsHash),
          form: "cbor",
          feed: (input) => verdictOf(openBody(input, sealed.body)),
        },
        {
          bytes: encode(bodyShape, [messageOp().bytes, messageOp({ deviceSeq: 1 }).bytes]),
          form: "cbor",
          feed(plain) {
            const body = bodyOf(fitting(plain, 262_144));
            return verdictOf(openBody(letter(body, sealed.opsHash), body));
          },
        },
      ],
    };
  },
};

export const MESSENGER_TARGETS: readonly FuzzTarget[] = [ops, envelopes, letters];
