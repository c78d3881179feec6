/** A port of loopback that forwards to another one and cuts each connection at a byte of its stream, drawn by chance. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { SeededRandom } from "./seeded-random.ts";

/** What becomes of a connection at its byte. */
export const CUT_KINDS = [
  /** Both ends are told. */
  "reset",
  /** Nothing crosses any more, and nobody is told. */
  "silence",
  /** The near end is told, the far one goes on believing in it. */
  "half-open behind",
  /** The other way round. */
  "half-open before",
] as const;
export type CutKind = (typeof CUT_KINDS)[number];

export interface CuttingPlan {
  readonly random: SeededRandom;
  /** How many bytes cross a connection before it is cut, on average. */
  readonly bytesMean: number;
  /** How often each kind comes, of a hundred. */
  readonly shares: Readonly<Record<CutKind, number>>;
  /** After so long an end that was not told is told after all; null for never. */
  readonly toldAfterMs: number | null;
}

export interface CuttingTap {
  readonly port: number;
  /** Ends what is open; from now on every connection is cut. */
  begin(): void;
  /** Cuts none any more, and tells every end that was not told yet. */
  end(): void;
  readonly cuts: Record<CutKind, number>;
  cutCount(): number;
  /** Ends the connections too. */
  close(): Promise<void>;
}

/** Forwards a free port to `targetPort`. */
export async function startCuttingTap(targetPort: number, plan: CuttingPlan): Promise<CuttingTap> {
  const sockets = new Set<Socket>();
  const untold = new Set<Socket>();
  let isCutting = false;
  const cuts: Record<CutKind, number> = {
    reset: 0,
    silence: 0,
    "half-open behind": 0,
    "half-open before": 0,
  };

  function leave(socket: Socket): void {
    untold.add(socket);
    socket.removeAllListeners("data").resume();
    if (plan.toldAfterMs !== null) setTimeout(() => socket.resetAndDestroy(), plan.toldAfterMs).unref();
  }

  function cut(near: Socket, far: Socket): void {
    const kind = drawKind(plan);
    cuts[kind] += 1;
    near.removeAllListeners("close");
    far.removeAllListeners("close");
    for (const socket of [near, far]) socket.once("close", () => forget(socket));
    if (kind === "silence" || kind === "half-open before") leave(near);
    else near.resetAndDestroy();
    if (kind === "silence" || kind === "half-open behind") leave(far);
    else far.resetAndDestroy();
  }

  function forget(socket: Socket): void {
    sockets.delete(socket);
    untold.delete(socket);
  }

  const server = createServer((near) => {
    const far = connect(targetPort, "127.0.0.1");
    let left = isCutting ? drawBytes(plan) : Number.POSITIVE_INFINITY;
    const forward = (from: Socket, to: Socket): void => {
      sockets.add(from);
      from.on("error", () => from.destroy());
      from.on("close", () => {
        forget(from);
        to.destroy();
      });
      from.on("data", (chunk: Buffer) => {
        const isLast = isCutting && chunk.length >= left;
        const isTaken = to.write(isLast ? chunk.subarray(0, left) : chunk);
        left -= chunk.length;
        if (isLast) return cut(near, far);
        if (isTaken) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
    };
    forward(near, far);
    forward(far, near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("a listener has a port");
  return {
    port: address.port,
    cuts,
    cutCount: () => CUT_KINDS.reduce((sum, kind) => sum + cuts[kind], 0),
    begin() {
      isCutting = true;
      for (const socket of [...sockets]) socket.resetAndDestroy();
    },
    end() {
      isCutting = false;
      for (const socket of [...untold]) socket.resetAndDestroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function drawKind({ random, shares }: CuttingPlan): CutKind {
  let drawn = random.below(100);
  for (const kind of CUT_KINDS) {
    if (drawn < shares[kind]) return kind;
    drawn -= shares[kind];
  }
  return "reset";
}

/** As often at the first byte as at any later one. */
function drawBytes({ random, bytesMean }: CuttingPlan): number {
  const share = (random.below(1_000_000) + 1) / 1_000_001;
  return 1 + Math.floor(-Math.log(share) * bytesMean);
}
