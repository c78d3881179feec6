/**
 * The view of a conversation: a pure function of a set of ops. Same set, same view, on every device. Rule MS3.
 */
import type { AccountId, DeviceId, OpId } from "../base/ids.ts";
import { decode } from "../codec/shape.ts";
import { hlcToMs, isAhead } from "./hlc.ts";
import { isRedacted, messagePayloadShape, type NamedOp, OP_KIND } from "./op.ts";

/** One message as people see it. */
export interface TimelineMessage {
  readonly id: OpId;
  readonly author: AccountId;
  readonly device: DeviceId;
  readonly deviceSeq: number;
  readonly sentAtMs: number;
  readonly hlc: number;
  /** Empty when the author has taken the message back. */
  readonly text: string;
  readonly isRedacted: boolean;
}

/** Order of ops: by time, then device, then op, so that it is total and the same everywhere. */
export function compareOps(a: NamedOp, b: NamedOp): number {
  if (a.op.hlc !== b.op.hlc) return a.op.hlc - b.op.hlc;
  if (a.op.device !== b.op.device) return a.op.device < b.op.device ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The messages among `ops` in order, without repetition; what is ahead of the clock or of a later kind is not shown. */
export function timelineOf(ops: readonly NamedOp[], nowMs: number): readonly TimelineMessage[] {
  const byId = new Map(ops.map((op) => [op.id, op]));
  const shown: TimelineMessage[] = [];
  for (const op of [...byId.values()].sort(compareOps)) {
    const message = timelineMessage(op);
    if (message !== null && !isAhead(op.op.hlc, nowMs)) shown.push(message);
  }
  return shown;
}

/** The message an op is, or null when it is none. */
export function timelineMessage(named: NamedOp): TimelineMessage | null {
  const { op, id } = named;
  if (op.kind !== OP_KIND.message) return null;
  const wasTakenBack = isRedacted(named);
  const payload = wasTakenBack ? null : decode(messagePayloadShape, op.payload);
  if (payload !== null && !payload.ok) return null;
  return {
    id,
    author: op.author,
    device: op.device,
    deviceSeq: op.deviceSeq,
    sentAtMs: hlcToMs(op.hlc),
    hlc: op.hlc,
    text: payload?.value.text ?? "",
    isRedacted: wasTakenBack,
  };
}
