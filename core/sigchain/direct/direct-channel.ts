/**
 * The sealed channel between two own devices. Rules DS2-DS4.
 *
 * One key a direction, from an X-Wing exchange of keys made for this connection and a secret only devices of the
 * account have ever known. Frames are counted: one that is repeated, left out, turned around or from another connection
 * does not open, and ends the channel.
 */
import { type Bytes, toUtf8 } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import { hash } from "../../crypto/hash.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { seal, type SealContext, unseal } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";

export type DirectSide = "dialler" | "listener";

export interface DirectChannel {
  readonly transcript: Bytes;
  seal(plaintext: Bytes): Bytes;
  /** - Fails: `NotFromPeer`; no frame opens after that. */
  open(frame: Bytes): Result<Bytes, NotFromPeer>;
  /** What the next frame holds, without taking it. */
  peek(frame: Bytes): Result<Bytes, NotFromPeer>;
  /** Erases the keys. */
  close(): void;
}

/** Not sealed by the other side, in this connection, at this place. */
export interface NotFromPeer {
  readonly type: "NotFromPeer";
}

export interface ChannelSecrets {
  /** What the exchange gave both; erased here. */
  readonly shared: Bytes;
  /** Names the account's own; see `accountRoot`. */
  readonly accountRoot: Bytes;
}

/** Hash over what went in clear, in its order (DS2). */
export function directTranscript(hello: Bytes, answer: Bytes): Bytes {
  return hash(LABEL.directTranscript, encodeCbor([hello, answer]));
}

export function createDirectChannel(
  random: Random,
  side: DirectSide,
  transcript: Bytes,
  { shared, accountRoot }: ChannelSecrets,
): DirectChannel {
  const member = deriveKey(accountRoot, LABEL.directMember);
  const keyOf = (sender: DirectSide): Bytes =>
    deriveKey(shared, LABEL.directChannel, member, transcript, toUtf8(sender));
  const keys = { dialler: keyOf("dialler"), listener: keyOf("listener") };
  wipe(shared, member);
  const other: DirectSide = side === "dialler" ? "listener" : "dialler";
  let sent = 0;
  let received = 0;
  let isOpen = true;

  const context = (sender: DirectSide, count: number): SealContext => ({
    key: keys[sender],
    label: LABEL.sealDirect,
    aad: encodeCbor([transcript, sender, count]),
  });

  return {
    transcript,
    seal(plaintext) {
      sent += 1;
      return seal(random, context(side, sent), plaintext);
    },
    open(frame) {
      const opened = isOpen ? unseal(context(other, received + 1), frame) : null; // DS4
      if (opened === null || !opened.ok) {
        isOpen = false;
        return err({ type: "NotFromPeer" });
      }
      received += 1;
      return ok(opened.value);
    },
    peek(frame) {
      const opened = isOpen ? unseal(context(other, received + 1), frame) : null;
      return opened?.ok === true ? opened : err({ type: "NotFromPeer" });
    },
    close() {
      isOpen = false;
      wipe(keys.dialler, keys.listener);
    },
  };
}
