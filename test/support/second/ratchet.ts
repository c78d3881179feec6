/**
 * The Double Ratchet of docs/protocol/ratchet.md, DR1-DR7 and DR16, a second time: one changing object and a table of
 * skipped keys by header key and index, as Signal's text has it. No limits and no secrecy of its own: for tests only.
 */
import {
  aeadOpen,
  aeadSeal,
  hex,
  hkdf,
  hmac,
  join,
  type KeyPair,
  labelled,
  u32,
  x25519,
  x25519Pair,
} from "./primitives.ts";
import type { SecondStart } from "./pqxdh.ts";

type Bytes = Uint8Array;
const NONE = new Uint8Array(0);

/** DR1. */
export function rootStep(
  rootKey: Bytes,
  dh: Bytes,
): { readonly rootKey: Bytes; readonly chainKey: Bytes; readonly nextHeaderKey: Bytes } {
  const out = hkdf(rootKey, dh, labelled("dovetail/1/kdf/ratchet-root"), 96);
  return { rootKey: out.slice(0, 32), chainKey: out.slice(32, 64), nextHeaderKey: out.slice(64, 96) };
}

/** DR2. */
export function chainStep(chainKey: Bytes): { readonly messageKey: Bytes; readonly chainKey: Bytes } {
  return {
    messageKey: hmac(chainKey, labelled("dovetail/1/kdf/ratchet-message")),
    chainKey: hmac(chainKey, labelled("dovetail/1/kdf/ratchet-chain")),
  };
}

/** DR3. */
export function sealHeader(
  headerKey: Bytes,
  nonce: Bytes,
  header: { readonly ratchetPk: Bytes; readonly previousLength: number; readonly index: number },
): Bytes {
  return aeadSeal(
    headerKey,
    nonce,
    NONE,
    join(header.ratchetPk, u32(header.previousLength), u32(header.index)),
  );
}

/** DR4. */
export function sealBody(
  messageKey: Bytes,
  parts: { readonly ad: Bytes; readonly nonce: Bytes; readonly header: Bytes; readonly context: Bytes },
  plaintext: Bytes,
): Bytes {
  return aeadSeal(
    messageKey,
    parts.nonce,
    join(parts.ad, parts.nonce, parts.header, parts.context),
    plaintext,
  );
}

/** One side of a session. */
export class SecondSession {
  readonly ad: Bytes;
  start: Bytes | null;
  rootKey: Bytes;
  own: KeyPair | null;
  peerPk: Bytes | null;
  sendChain: Bytes | null = null;
  receiveChain: Bytes | null = null;
  sent = 0;
  received = 0;
  previous = 0;
  sendHeader: Bytes | null = null;
  receiveHeader: Bytes | null = null;
  nextSendHeader: Bytes;
  nextReceiveHeader: Bytes;
  readonly skipped = new Map<string, Bytes>();

  private constructor(
    start: SecondStart,
    isInitiator: boolean,
    signed: KeyPair | { readonly public: Bytes },
  ) {
    this.ad = start.ad;
    this.start = isInitiator ? start.start : null;
    this.rootKey = start.rootKey;
    this.own = "secret" in signed ? signed : null;
    this.peerPk = "secret" in signed ? null : signed.public;
    this.nextSendHeader = isInitiator ? start.initiatorHeaderKey : start.responderHeaderKey;
    this.nextReceiveHeader = isInitiator ? start.responderHeaderKey : start.initiatorHeaderKey;
  }

  static initiator(start: SecondStart, signedPk: Bytes): SecondSession {
    return new SecondSession(start, true, { public: signedPk });
  }

  static responder(start: SecondStart, signed: KeyPair): SecondSession {
    return new SecondSession(start, false, signed);
  }

  /** Makes an envelope. `random` gives 32 bytes when a ratchet key is due, then 24 for the nonce. */
  encrypt(random: (length: number) => Bytes, context: Bytes, plaintext: Bytes): Bytes {
    if (this.peerPk !== null) {
      this.own = x25519Pair(random(32));
      const step = rootStep(this.rootKey, x25519(this.own.secret, this.peerPk));
      this.peerPk = null;
      this.rootKey = step.rootKey;
      this.sendChain = step.chainKey;
      this.sendHeader = this.nextSendHeader;
      this.nextSendHeader = step.nextHeaderKey;
      this.previous = this.sent;
      this.sent = 0;
    }
    if (this.sendChain === null || this.sendHeader === null || this.own === null)
      throw new Error("nothing to send with");
    const nonce = random(24);
    const header = sealHeader(this.sendHeader, nonce, {
      ratchetPk: this.own.public,
      previousLength: this.previous,
      index: this.sent,
    });
    const { messageKey, chainKey } = chainStep(this.sendChain);
    this.sendChain = chainKey;
    this.sent += 1;
    const body = sealBody(messageKey, { ad: this.ad, nonce, header, context }, plaintext);
    return this.start === null
      ? join(Uint8Array.of(1), nonce, header, body)
      : join(Uint8Array.of(2), this.start, nonce, header, body);
  }

  /** Opens an envelope, or throws. What failed leaves the object unfit for more. */
  decrypt(context: Bytes, envelope: Bytes): Bytes {
    const message = envelope[0] === 2 ? envelope.slice(1 + 1168) : envelope.slice(1);
    const nonce = message.slice(0, 24);
    const header = message.slice(24, 80);
    const open = (messageKey: Bytes): Bytes => {
      const text = aeadOpen(messageKey, nonce, join(this.ad, nonce, header, context), message.slice(80));
      if (text === null) throw new Error("the body does not open");
      this.start = null;
      return text;
    };
    for (const [place, messageKey] of this.skipped) {
      const [headerKey = "", index] = place.split("/");
      const plain = aeadOpen(Buffer.from(headerKey, "hex"), nonce, NONE, header);
      if (plain === null || readU32(plain, 36) !== Number(index)) continue;
      this.skipped.delete(place);
      return open(messageKey);
    }
    const same = this.receiveHeader === null ? null : aeadOpen(this.receiveHeader, nonce, NONE, header);
    const plain = same ?? aeadOpen(this.nextReceiveHeader, nonce, NONE, header);
    if (plain === null) throw new Error("the header does not open");
    if (same === null) this.turn(plain.slice(0, 32), readU32(plain, 32));
    const index = readU32(plain, 36);
    if (index < this.received) throw new Error("opened before");
    this.skipTo(index);
    const { messageKey, chainKey } = chainStep(this.receiveChain ?? NONE);
    this.receiveChain = chainKey;
    this.received += 1;
    return open(messageKey);
  }

  private turn(peerPk: Bytes, previousLength: number): void {
    if (this.receiveChain !== null) this.skipTo(previousLength);
    if (this.own === null) throw new Error("no ratchet key to answer to");
    const step = rootStep(this.rootKey, x25519(this.own.secret, peerPk));
    this.rootKey = step.rootKey;
    this.receiveChain = step.chainKey;
    this.receiveHeader = this.nextReceiveHeader;
    this.nextReceiveHeader = step.nextHeaderKey;
    this.received = 0;
    this.peerPk = peerPk;
  }

  private skipTo(index: number): void {
    while (this.received < index) {
      const { messageKey, chainKey } = chainStep(this.receiveChain ?? NONE);
      this.skipped.set(`${hex(this.receiveHeader ?? NONE)}/${this.received}`, messageKey);
      this.receiveChain = chainKey;
      this.received += 1;
    }
  }
}

function readU32(bytes: Bytes, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, false);
}
