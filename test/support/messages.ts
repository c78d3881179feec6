/** Ops and entries as tests of the messenger make them. */
import { encode } from "../../core/codec/shape.ts";
import type { AccountId, ConversationId, DeviceId, EntryId, LogId } from "../../core/base/ids.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { createOp, messagePayloadShape, type NamedOp, type Op, OP_KIND } from "../../core/messenger/op.ts";

/** 32 bytes that all are `byte`. */
export function filled(byte: number, length = 32): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

export const accountOf = (byte: number): AccountId => idFromBytes("account", filled(byte));
export const deviceOf = (byte: number): DeviceId => idFromBytes("device", filled(byte, 16));
export const conversationOf = (byte: number): ConversationId => idFromBytes("conversation", filled(byte));
export const logOf = (byte: number): LogId => idFromBytes("log", filled(byte));
export const entryOf = (byte: number): EntryId => idFromBytes("entry", filled(byte));

/** Fields of a message; a test changes those it is about. */
export function opFields(changes: Partial<Op> = {}, text = "hello"): Op {
  return {
    version: 1,
    conversationId: conversationOf(1),
    author: accountOf(2),
    device: deviceOf(3),
    deviceSeq: 0,
    devicePrev: null,
    hlc: 1_800_000_000_000 * 1_024,
    kind: OP_KIND.message,
    target: null,
    payload: encode(messagePayloadShape, { text }),
    expire: null,
    ext: null,
    ...changes,
  };
}

/** A message as its author's device makes it. */
export function messageOp(changes: Partial<Op> = {}, text = "hello"): NamedOp {
  return createOp(opFields(changes, text));
}
