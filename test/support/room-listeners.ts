/** Many devices that follow a room's log without its group, in a thread of their own: they take no time from those who open what comes. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { LogId } from "../../core/base/ids.ts";
import type { SignKeyPair } from "../../core/crypto/sign.ts";

/** So much of the end of what a listener got last is compared. */
export const TAIL_BYTES = 16;

export interface ListenerPlan {
  readonly origin: string;
  readonly logId: LogId;
  /** Gives the right to read. */
  readonly access: SignKeyPair;
  readonly count: number;
}

export type ListenerQuestion =
  | { readonly type: "behind"; readonly seq: number; readonly tail: string }
  | { readonly type: "end" };

export type ListenerAnswer =
  | { readonly type: "ready" }
  | {
      readonly type: "behind";
      /** Of those who read all, who has not got up to this seq. */
      readonly readers: number;
      /** Of the others, whose last frame ends otherwise. */
      readonly others: number;
      readonly faults: readonly string[];
    };

export interface RoomListeners {
  /** Who has not got everything up to `seq`, whose sealed bytes end with `tail` in hex. */
  behind(seq: number, tail: string): Promise<Extract<ListenerAnswer, { readonly type: "behind" }>>;
  end(): Promise<void>;
}

/** Starts them; all follow the log once this resolves. */
export async function startRoomListeners(plan: ListenerPlan): Promise<RoomListeners> {
  const thread = new Worker(new URL("room-listener-thread.ts", import.meta.url), { workerData: plan });
  const next = async (): Promise<ListenerAnswer> => {
    const [answer]: ListenerAnswer[] = await once(thread, "message");
    if (answer === undefined) throw new TypeError("a thread answers with something");
    return answer;
  };
  const tell = (question: ListenerQuestion): void => thread.postMessage(question);
  await next();
  return {
    async behind(seq, tail) {
      tell({ type: "behind", seq, tail });
      const answer = await next();
      if (answer.type !== "behind") throw new TypeError("what was asked is answered");
      return answer;
    },
    async end() {
      const ended = once(thread, "exit");
      tell({ type: "end" });
      await ended;
    },
  };
}
