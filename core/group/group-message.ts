/** Application messages of a group (RFC 9420 section 6.3), as private messages. */
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { createApplicationMessage, decodeMlsMessage, encodeMlsMessage } from "ts-mls";
import { type Group, type GroupDeps, type GroupLeaf, isActive } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { openPrivate } from "./open-private.ts";
import { openRatchet } from "./ratchets.ts";
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

/** Whether this device's own ratchets of the present epoch are here. */
export async function canSend({ suite }: Pick<GroupDeps, "suite">, group: Group): Promise<boolean> {
  return (await openRatchet(group.ratchets, group.state.privatePath.leafIndex, suite.kdf)) !== null;
}

/** Seals a message to the group's present epoch. - Fails: `NotMember`. */
export async function sealGroupMessage(
  { suite }: GroupDeps,
  group: Group,
  message: { readonly plaintext: Bytes; readonly authenticatedData: Bytes },
): Promise<Result<{ readonly sealed: Bytes; readonly next: Group }, GroupRefused>> {
  if (!isActive(group)) return refused("NotMember");
  const { state } = group;
  const ratchet = await openRatchet(group.ratchets, state.privatePath.leafIndex, suite.kdf);
  if (ratchet === null) return refused("Malformed");
  const made = await libraryCall("Malformed", () =>
    createApplicationMessage(
      { ...state, secretTree: ratchet.secretTree },
      message.plaintext,
      suite,
      message.authenticatedData,
    ),
  );
  if (!made.ok) return made;
  const { privateMessage, newState } = made.value;
  const sealed = encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
  return ok({ sealed, next: { ...group, ratchets: ratchet.put(newState.secretTree) } });
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
  const past = group.past.get(epoch);
  const isPresent = epoch === state.groupContext.epoch;
  if (!isPresent && past === undefined) return refused("WrongEpoch");
  const opened = await openPrivate(
    suite,
    past ?? { ...state, senderDataSecret: state.keySchedule.senderDataSecret, ratchets: group.ratchets },
    message.value,
  );
  if (!opened.ok) return opened;
  const { sender, ratchets } = opened.value;
  const { content } = opened.value.opened;
  if (content.contentType !== "application") return refused("WrongKind");
  const next =
    past === undefined
      ? { ...group, ratchets }
      : { ...group, past: new Map(group.past).set(epoch, { ...past, ratchets }) };
  return ok({ sender, epoch, plaintext: content.applicationData, authenticatedData, next });
}
