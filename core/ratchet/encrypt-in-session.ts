/**
 * Sending side of the Double Ratchet: `RatchetEncryptHE`, with the step that makes a new ratchet key just before the
 * first message of a chain. Rules DR3, DR4, DR6.
 */
import { assert, present } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { CHAIN_MESSAGES_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { aeadEncrypt } from "../crypto/aead.ts";
import {
  AGREEMENT_KEY_BYTES,
  agree,
  agreementKeyPairFromSecret,
  type WeakPublicKey,
} from "../crypto/agreement.ts";
import { wipe } from "../crypto/secret.ts";
import { encodeEnvelope } from "./envelope.ts";
import { MESSAGE_NONCE_BYTES, sealHeader } from "./message-header.ts";
import { messageKeyOf, nextChainKey, stepRoot } from "./ratchet-kdf.ts";
import type { Session } from "./session.ts";

/** The chain holds as many messages as its counter can name; a message from the peer, or a new session, ends that. */
export interface ChainExhausted {
  readonly type: "ChainExhausted";
}

export interface EncryptedInSession {
  readonly session: Session;
  readonly envelope: Bytes;
  /** Secrets only the state before has: wipe them once the new one is stored. */
  readonly spent: readonly Bytes[];
}

/** Encrypts one message. - Fails: `ChainExhausted`; `WeakPublicKey` when the stored state is damaged. */
export function encryptInSession(
  random: Random,
  session: Session,
  message: { readonly context: Bytes; readonly plaintext: Bytes },
): Result<EncryptedInSession, ChainExhausted | WeakPublicKey> {
  const spent: Bytes[] = [];
  const ready = session.sending === null ? stepSending(random, session, spent) : ok(session);
  if (!ready.ok) return ready;
  const sending = present(ready.value.sending, "a session that is to send has a chain");
  const ratchetKey = present(ready.value.ratchetKey, "a sending chain has a ratchet key");
  if (sending.nextIndex >= CHAIN_MESSAGES_MAX) return err({ type: "ChainExhausted" });

  const nonce = random.bytes(MESSAGE_NONCE_BYTES);
  assert(nonce.length === MESSAGE_NONCE_BYTES, "the random source gives what it is asked for");
  const sealedHeader = sealHeader(sending.headerKey, nonce, {
    ratchetPk: ratchetKey.publicKey,
    previousLength: ready.value.previousLength,
    index: sending.nextIndex,
  });
  const messageKey = messageKeyOf(sending.chainKey);
  const aad = messageAad(session.associatedData, nonce, sealedHeader, message.context);
  const body = aeadEncrypt(messageKey, nonce, aad, message.plaintext);
  wipe(messageKey);
  spent.push(sending.chainKey);
  const chainKey = nextChainKey(sending.chainKey);
  return ok({
    session: {
      ...ready.value,
      sending: { headerKey: sending.headerKey, chainKey, nextIndex: sending.nextIndex + 1 },
    },
    envelope: encodeEnvelope({ start: session.start, nonce, sealedHeader, body }),
    spent,
  });
}

/** DR4: what a body is bound to. All parts but the last have one length, so the parts cannot be shifted. */
export function messageAad(associatedData: Bytes, nonce: Bytes, sealedHeader: Bytes, context: Bytes): Bytes {
  const headerAt = associatedData.length + nonce.length;
  const contextAt = headerAt + sealedHeader.length;
  // By hand, and so is the envelope: joining by a list of parts costs a tenth of a message.
  const aad = new Uint8Array(contextAt + context.length);
  aad.set(associatedData);
  aad.set(nonce, associatedData.length);
  aad.set(sealedHeader, headerAt);
  aad.set(context, contextAt);
  return aad;
}

/** DR6: a new ratchet key, and with it a new sending chain. */
function stepSending(random: Random, session: Session, spent: Bytes[]): Result<Session, WeakPublicKey> {
  const ratchetKey = agreementKeyPairFromSecret(random.bytes(AGREEMENT_KEY_BYTES));
  const agreed = agree(ratchetKey.secretKey, session.peerRatchetPk);
  if (!agreed.ok) return agreed;
  const step = stepRoot(session.rootKey, agreed.value);
  spent.push(session.rootKey);
  return ok({
    ...session,
    rootKey: step.rootKey,
    ratchetKey,
    sending: { headerKey: session.nextSendingHeaderKey, chainKey: step.chainKey, nextIndex: 0 },
    nextSendingHeaderKey: step.nextHeaderKey,
  });
}
