/** Opening a private message (RFC 9420 section 6.3): whose it is, the key of that one message, and that they signed it. */
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import type { CiphersuiteImpl, GroupContext, PrivateMessage, RatchetTree } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { verifyFramedContentSignature } from "ts-mls/framedContent.js";
import {
  decodePrivateMessageContent,
  decryptSenderData,
  privateContentAADEncoder,
  toAuthenticatedContent,
} from "ts-mls/privateMessage.js";
import { type GroupLeaf, leafAt } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { takeMessageKey } from "./message-keys.ts";
import { openRatchet, type Ratchets } from "./ratchets.ts";

const encodeAad = encode(privateContentAADEncoder);

/** What opens the messages of one epoch. */
export interface MessageEpoch {
  readonly senderDataSecret: Uint8Array;
  readonly ratchets: Ratchets;
  readonly ratchetTree: RatchetTree;
  readonly groupContext: GroupContext;
}

/** What a member sent. */
export interface OpenedPrivate {
  readonly sender: GroupLeaf;
  readonly opened: ReturnType<typeof toAuthenticatedContent>;
  /** Without the key that opened it. */
  readonly ratchets: Ratchets;
}

/** Opens a message of this epoch. - Fails: `UnknownLeaf`, `Inauthentic`; everything is as it was. */
export async function openPrivate(
  suite: CiphersuiteImpl,
  epoch: MessageEpoch,
  message: PrivateMessage,
): Promise<Result<OpenedPrivate, GroupRefused>> {
  const { senderDataSecret, ratchets, ratchetTree } = epoch;
  const sent = await libraryCall("Inauthentic", () => decryptSenderData(message, senderDataSecret, suite));
  if (!sent.ok) return sent;
  if (sent.value === undefined) return refused("Inauthentic");
  const { leafIndex, generation, reuseGuard } = sent.value;
  const sender = leafAt(ratchetTree, leafIndex);
  const ratchet = sender && (await openRatchet(ratchets, leafIndex, suite.kdf));
  const node = ratchet?.secretTree[2 * leafIndex];
  if (sender === null || ratchet === null || node === undefined) return refused("UnknownLeaf");
  const kind = message.contentType === "application" ? "application" : "handshake";
  const taken = await takeMessageKey(suite, node[kind], generation);
  if (taken === null) return refused("Inauthentic");
  for (const [at, byte] of reuseGuard.entries()) taken.nonce[at] = (taken.nonce[at] ?? 0) ^ byte;
  const opened = await libraryCall("Inauthentic", () =>
    openContent(suite, epoch, message, { ...taken, leafIndex }),
  );
  if (!opened.ok) return opened;
  const secretTree = ratchet.secretTree.slice();
  secretTree[2 * leafIndex] = { ...node, [kind]: taken.next };
  return ok({ sender, opened: opened.value, ratchets: ratchet.put(secretTree) });
}

async function openContent(
  suite: CiphersuiteImpl,
  { ratchetTree, groupContext }: MessageEpoch,
  message: PrivateMessage,
  { key, nonce, leafIndex }: { readonly key: Bytes; readonly nonce: Bytes; readonly leafIndex: number },
): Promise<OpenedPrivate["opened"]> {
  const plain = await suite.hpke.decryptAead(key, nonce, encodeAad(message), message.ciphertext);
  const content = decodePrivateMessageContent(message.contentType)(plain, 0)?.[0];
  const node = ratchetTree[2 * leafIndex];
  if (content === undefined || node?.nodeType !== "leaf") throw new TypeError("a member sends content");
  const opened = toAuthenticatedContent(content, message, leafIndex);
  const { signaturePublicKey } = node.leaf;
  const isSigned = await verifyFramedContentSignature(
    signaturePublicKey,
    "mls_private_message",
    opened.content,
    opened.auth,
    groupContext,
    suite.signature,
  );
  if (!isSigned) throw new TypeError("a member signs what they send");
  return opened;
}
