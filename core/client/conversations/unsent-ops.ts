/** Own ops that were not sent and never will be: kept by all own devices, and told to the other side. Rule MS8. Runs within the serial. */
import { UNSENT_RUNS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { encode } from "../../codec/shape.ts";
import { addRunToFeed, EMPTY_FEED, type Feed } from "../../messenger/feed.ts";
import { type NamedOp, OP_KIND, type Op, unsentPayloadShape, unsentRuns } from "../../messenger/op.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactRecord } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import type { WriteOwnOp } from "./conversation-ports.ts";
import type { DeliveryMarks } from "./delivery-marks.ts";
import type { OpStore } from "./op-store.ts";
import type { Outbox } from "./outbox.ts";

export interface UnsentOpsDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "identity">;
  readonly ops: Pick<OpStore, "endOf">;
  readonly outbox: Outbox;
  readonly deliveredTo: DeliveryMarks["deliveredTo"];
  readonly write: WriteOwnOp;
}

export interface UnsentOps {
  start(): Promise<Result<void, ClientError>>;
  /** What own ops among these say was not sent. */
  raise(fresh: readonly NamedOp[]): RowsStep;
  isUnsent(op: Pick<Op, "conversationId" | "device" | "deviceSeq">): boolean;
  /** Tells a contact not to wait for what was written while they had closed the conversation; whether there was anything. */
  tell(contact: ContactRecord): Promise<Result<boolean, ClientError>>;
}

const NOTHING: RowsStep = { writes: [], commit() {} };

export function createUnsentOps({ context, ops, outbox, deliveredTo, write }: UnsentOpsDeps): UnsentOps {
  const { tables, store, identity } = context;
  /** By `conversation/author device`. */
  const feeds = new Map<string, Feed>();

  return {
    async start() {
      const rows = await tables.unsent.scan();
      if (!rows.ok) return rows;
      for (const { key, value } of rows.value) feeds.set(key.slice("unsent/".length), value);
      return ok();
    },

    raise(fresh) {
      const raised = new Map<string, Feed>();
      for (const named of fresh) {
        if (named.op.author !== identity.accountId) continue;
        const key = `${named.op.conversationId}/${named.op.device}`;
        for (const { start, end } of unsentRuns(named))
          raised.set(key, addRunToFeed(raised.get(key) ?? feeds.get(key) ?? EMPTY_FEED, start, end));
      }
      return {
        writes: [...raised].map(([key, feed]) => tables.unsent.put(key.split("/"), feed)),
        commit() {
          for (const [key, feed] of raised) feeds.set(key, feed);
        },
      };
    },

    isUnsent: ({ conversationId, device, deviceSeq }) =>
      feeds
        .get(`${conversationId}/${device}`)
        ?.runs.some(({ start, end }) => start <= deviceSeq && deviceSeq < end) === true,

    async tell({ accountId, conversationId, theirs, state }) {
      if (state !== "accepted" || theirs === null || !outbox.hasClosedBefore(accountId, theirs.turn))
        return ok(false);
      const end = await ops.endOf(conversationId, identity.deviceId);
      if (!end.ok) return end;
      // Introductions of the closed log go out after all, and so is everything live left out.
      const reopened = await outbox.reopen(accountId, theirs.turn);
      if (!reopened.ok) return reopened;
      const live = outbox.liveSeqs(conversationId);
      let gone = EMPTY_FEED;
      for (let seq = deliveredTo(conversationId, accountId, identity.deviceId); seq < end.value; seq++)
        if (!live.has(seq)) gone = addRunToFeed(gone, seq, seq + 1);
      const [settled = NOTHING, ...later] = outbox.settleClosed(accountId);
      for (let from = 0; from < gone.runs.length; from += UNSENT_RUNS_MAX) {
        const runs = gone.runs.slice(from, from + UNSENT_RUNS_MAX);
        const isLast = from + UNSENT_RUNS_MAX >= gone.runs.length;
        const told = await write(
          { accountId, conversationId },
          OP_KIND.unsent,
          encode(unsentPayloadShape, { runs }),
          { storeWith: (writes) => store.batch([...writes, ...(isLast ? settled.writes : [])]) },
        );
        if (!told.ok) return told;
      }
      settled.commit();
      // Where the disk refuses them, the same is told once more.
      for (const step of later) {
        const written = await store.batch(step.writes);
        if (!written.ok) return written;
        step.commit();
      }
      return ok(true);
    },
  };
}
