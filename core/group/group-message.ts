/** Application messages of a group (RFC 9420 section 6.3), as private messages. */
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import {
  createApplicationMessage,
  decodeMlsMessage,
  emptyPskIndex,
  encodeMlsMessage,
  processPrivateMessage,
} from "ts-mls";
import { decryptSenderData } from "ts-mls/privateMessage.js";
import { type Group, type GroupDeps, type GroupLeaf, isActive, leavesOf } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { parsePrivateMessage } from "./receive-commit.ts";

/** What an opened message says. `next` must be stored with it: the key that opened it is gone from there. */
export interface OpenedMessage {
  readonly sender: GroupLeaf;
  readonly epoch: bigint;
  readonly plaintext: Bytes;
  readonly authenticatedData: Bytes;
  readonly next: Group;
}

/** The epoch a private message says it is of; null for what is none. Nothing of it is verified. */
export async function claimedEpoch(message: Bytes): Promise<bigint | null> {
  const decoded = await libraryCall("Malformed", async () => decodeMlsMessage(message, 0));
  const content = decoded.ok ? decoded.value?.[0] : undefined;
  return content?.wireformat === "mls_private_message" ? content.privateMessage.epoch : null;
}

/** Seals a message to the group's present epoch. - Fails: `NotMember`. */
export async function sealGroupMessage(
  { suite }: GroupDeps,
  group: Group,
  message: { readonly plaintext: Bytes; readonly authenticatedData: Bytes },
): Promise<Result<{ readonly sealed: Bytes; readonly next: Group }, GroupRefused>> {
  if (!isActive(group)) return refused("NotMember");
  const made = await libraryCall("Malformed", () =>
    createApplicationMessage(group.state, message.plaintext, suite, message.authenticatedData),
  );
  if (!made.ok) return made;
  const { privateMessage, newState } = made.value;
  const sealed = encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
  return ok({ sealed, next: { state: newState } });
}

/** Opens a message of this epoch or one of the last. - Fails: `GroupRefused`; the group is as it was. */
export async function openGroupMessage(
  { suite }: GroupDeps,
  group: Group,
  sealed: Bytes,
): Promise<Result<OpenedMessage, GroupRefused>> {
  const message = await parsePrivateMessage(group, sealed, "application");
  if (!message.ok) return message;
  const { epoch, authenticatedData } = message.value;
  const { state } = group;
  const past = state.historicalReceiverData.get(epoch);
  const isPresent = epoch === state.groupContext.epoch;
  if (!isPresent && past === undefined) return refused("WrongEpoch");
  const secret = past?.senderDataSecret ?? state.keySchedule.senderDataSecret;
  const sender = await libraryCall("Inauthentic", () => decryptSenderData(message.value, secret, suite));
  if (!sender.ok) return sender;
  const opened = await libraryCall("Inauthentic", () =>
    processPrivateMessage(state, message.value, emptyPskIndex, suite),
  );
  if (!opened.ok) return opened;
  if (opened.value.kind !== "applicationMessage") return refused("WrongKind");
  const leaves = leavesOf(
    past === undefined ? group : { state: { ...state, ratchetTree: past.ratchetTree } },
  );
  if (!leaves.ok) return leaves;
  const leaf = leaves.value.find((one) => one.leafIndex === sender.value?.leafIndex);
  if (leaf === undefined) return refused("UnknownLeaf");
  const { message: plaintext, newState } = opened.value;
  return ok({ sender: leaf, epoch, plaintext, authenticatedData, next: { state: newState } });
}
