/**
 * Receiving side of the Double Ratchet: `RatchetDecryptHE`.
 *
 * In two parts: `openInSession` says which chain of which session a message is of, by its header alone, so that several
 * sessions can be tried; `decryptInSession` then opens the body or names why not. Rules DR5-DR11.
 */
import type { Bytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { aeadDecrypt, type DoesNotOpen } from "../crypto/aead.ts";
import { agree, type WeakPublicKey } from "../crypto/agreement.ts";
import { wipe } from "../crypto/secret.ts";
import { messageAad } from "./encrypt-in-session.ts";
import type { Envelope } from "./envelope.ts";
import { type MessageHeader, openHeader } from "./message-header.ts";
import { messageKeyOf, nextChainKey, stepRoot } from "./ratchet-kdf.ts";
import {
  checkGap,
  createReceivingChain,
  findSkipped,
  type GapTooLarge,
  type ReceivingChain,
  skipTo,
  trimChains,
  withoutSkipped,
} from "./receiving-chain.ts";
import type { Session } from "./session.ts";

/** The key of this message was used: it has been opened before. */
export interface DuplicateMessage {
  readonly type: "DuplicateMessage";
}

export type DecryptInSessionError = DoesNotOpen | DuplicateMessage | GapTooLarge | WeakPublicKey;

/** A message whose header a session opened, so it comes from the session's other side. */
export interface OpenedHeader {
  readonly header: MessageHeader;
  /** The present chain, the one after it, or the place of an ended one. */
  readonly chain: "receiving" | "next" | number;
}

export interface DecryptedInSession {
  readonly session: Session;
  readonly plaintext: Bytes;
  /** Opened with a kept key: it was sent before something already received. */
  readonly isLate: boolean;
  /** Secrets only the state before has: wipe them once the new one is stored. */
  readonly spent: readonly Bytes[];
}

/** Finds the chain of `session` a message belongs to; null when it is of none. */
export function openInSession(session: Session, envelope: Envelope): OpenedHeader | null {
  const { nonce, sealedHeader } = envelope;
  const open = (headerKey: Bytes) => openHeader(headerKey, nonce, sealedHeader);
  if (session.receiving !== null) {
    const header = open(session.receiving.headerKey);
    if (header !== null) return { header, chain: "receiving" };
  }
  // Only who has seen our ratchet key can have made the next chain.
  if (session.ratchetKey !== null) {
    const header = open(session.nextReceivingHeaderKey);
    if (header !== null) return { header, chain: "next" };
  }
  for (let place = session.endedChains.length - 1; place >= 0; place--) {
    const chain = session.endedChains[place];
    const header = chain === undefined ? null : open(chain.headerKey);
    if (header !== null) return { header, chain: place };
  }
  return null;
}

/**
 * Opens a message whose header `openInSession` opened. Whatever fails, `session` is as it was.
 *
 * - Fails: `DuplicateMessage` when its key was used; `GapTooLarge` before any key is derived; `WeakPublicKey`;
 *   `DoesNotOpen` for changed bytes, another context, or a key that was dropped by rule.
 */
export function decryptInSession(
  session: Session,
  opened: OpenedHeader,
  message: { readonly envelope: Envelope; readonly context: Bytes },
): Result<DecryptedInSession, DecryptInSessionError> {
  const { header } = opened;
  const unseal = (key: Bytes): Result<Bytes, DoesNotOpen> => {
    const { nonce, sealedHeader, body } = message.envelope;
    return aeadDecrypt(
      key,
      nonce,
      messageAad(session.associatedData, nonce, sealedHeader, message.context),
      body,
    );
  };
  if (opened.chain === "next") return decryptOnNextChain(session, header, unseal);
  if (opened.chain === "receiving") {
    const chain = session.receiving;
    if (chain === null) return err({ type: "DoesNotOpen" });
    if (header.index >= chain.nextIndex) return decryptAhead(session, chain, header.index, unseal);
    return decryptLate(chain, header.index, unseal, (receiving) => ({ ...session, receiving }));
  }
  const place = opened.chain;
  const chain = session.endedChains[place];
  if (chain === undefined) return err({ type: "DoesNotOpen" });
  return decryptLate(chain, header.index, unseal, (ended) => ({
    ...session,
    endedChains: session.endedChains.with(place, ended),
  }));
}

type Unseal = (key: Bytes) => Result<Bytes, DoesNotOpen>;

/** A message of the present chain at or after its next index. */
function decryptAhead(
  session: Session,
  chain: ReceivingChain,
  index: number,
  unseal: Unseal,
): Result<DecryptedInSession, DecryptInSessionError> {
  const gap = checkGap(chain.nextIndex, index);
  if (!gap.ok) return gap;
  const advanced = openAt(chain, index, unseal);
  if (!advanced.ok) return advanced;
  const spent = chain.chainKey === null ? [] : [chain.chainKey];
  const { receiving, endedChains } = settle(
    session.endedChains,
    advanced.value.chain,
    index > chain.nextIndex,
    spent,
  );
  return ok({
    session: { ...session, start: null, receiving, endedChains },
    plaintext: advanced.value.plaintext,
    isLate: false,
    spent,
  });
}

/** A message whose header came under the next header key: the peer has made a ratchet step. */
function decryptOnNextChain(
  session: Session,
  header: MessageHeader,
  unseal: Unseal,
): Result<DecryptedInSession, DecryptInSessionError> {
  const { ratchetKey, receiving: ended } = session;
  if (ratchetKey === null) return err({ type: "DoesNotOpen" });
  // DR8: both jumps are measured before either is made.
  const endGap = ended === null ? ok() : checkGap(ended.nextIndex, header.previousLength);
  if (!endGap.ok) return endGap;
  const gap = checkGap(0, header.index);
  if (!gap.ok) return gap;

  const agreed = agree(ratchetKey.secretKey, header.ratchetPk);
  if (!agreed.ok) return agreed;
  const step = stepRoot(session.rootKey, agreed.value);
  const fresh = createReceivingChain(session.nextReceivingHeaderKey, step.chainKey);
  const advanced = openAt(fresh, header.index, unseal);
  wipe(step.chainKey);
  if (!advanced.ok) {
    wipe(step.rootKey, step.nextHeaderKey);
    return advanced;
  }
  const spent: Bytes[] = [session.rootKey, ratchetKey.secretKey];
  if (session.sending !== null) spent.push(session.sending.headerKey, session.sending.chainKey);
  const before = ended === null ? [] : [endChain(ended, header.previousLength, spent)];
  const settled = settle([...session.endedChains, ...before], advanced.value.chain, true, spent);
  return ok({
    session: {
      ...session,
      ...settled,
      start: null,
      rootKey: step.rootKey,
      ratchetKey: null,
      peerRatchetPk: header.ratchetPk,
      sending: null,
      previousLength: session.sending?.nextIndex ?? 0,
      nextReceivingHeaderKey: step.nextHeaderKey,
    },
    plaintext: advanced.value.plaintext,
    isLate: false,
    spent,
  });
}

/** A message from before the chain's next index: its key was kept, used, or dropped. */
function decryptLate(
  chain: ReceivingChain,
  index: number,
  unseal: Unseal,
  replace: (chain: ReceivingChain) => Session,
): Result<DecryptedInSession, DecryptInSessionError> {
  const place = findSkipped(chain, index);
  const kept = chain.skipped[place];
  if (kept === undefined) {
    // DR11: below `keptFrom` a used key and a dropped one look alike, and a lost message must not pass for a repeated one.
    const wasUsed = index < chain.nextIndex && index >= chain.keptFrom;
    return err({ type: wasUsed ? "DuplicateMessage" : "DoesNotOpen" });
  }
  const plaintext = unseal(kept.key);
  if (!plaintext.ok) return plaintext;
  // DR7: its key goes with it.
  const session = replace(withoutSkipped(chain, place));
  return ok({
    session: { ...session, start: null },
    plaintext: plaintext.value,
    isLate: true,
    spent: [kept.key],
  });
}

/** Opens the message at `index` of `chain` and gives the chain after it; on failure only what was derived is wiped. */
function openAt(
  chain: ReceivingChain,
  index: number,
  unseal: Unseal,
): Result<{ readonly chain: ReceivingChain; readonly plaintext: Bytes }, DoesNotOpen> {
  const passed = skipTo(chain, index);
  if (passed.chainKey === null) return err({ type: "DoesNotOpen" });
  const messageKey = messageKeyOf(passed.chainKey);
  const plaintext = unseal(messageKey);
  wipe(messageKey);
  if (!plaintext.ok) {
    for (const one of passed.skipped) if (one.index >= chain.nextIndex) wipe(one.key);
    if (passed !== chain) wipe(passed.chainKey);
    return plaintext;
  }
  const chainKey = nextChainKey(passed.chainKey);
  if (passed !== chain) wipe(passed.chainKey);
  return ok({ chain: { ...passed, chainKey, nextIndex: index + 1 }, plaintext: plaintext.value });
}

/** The peer sent `length` messages on this chain and will send no more. */
function endChain(chain: ReceivingChain, length: number, spent: Bytes[]): ReceivingChain {
  const passed = skipTo(chain, length);
  if (chain.chainKey !== null) spent.push(chain.chainKey);
  if (passed !== chain && passed.chainKey !== null) wipe(passed.chainKey);
  return { ...passed, chainKey: null };
}

/** Brings the chains within their limits; nothing to do when no key was kept and no chain added. */
function settle(
  ended: readonly ReceivingChain[],
  receiving: ReceivingChain,
  isGrown: boolean,
  spent: Bytes[],
): { readonly receiving: ReceivingChain; readonly endedChains: readonly ReceivingChain[] } {
  if (!isGrown) return { receiving, endedChains: ended };
  const { chains, dropped } = trimChains([...ended, receiving]);
  spent.push(...dropped);
  return { receiving: chains[chains.length - 1] ?? receiving, endedChains: chains.slice(0, -1) };
}
