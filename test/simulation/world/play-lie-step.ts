/** A server that lies while another one is honest: to everybody who asks it, from some moment on and for good. */
import { decode, encode } from "../../../core/codec/shape.ts";
import { type ServerFrame, serverFrameShape } from "../../../core/protocol/server-frame.ts";
import type { HttpResponse } from "../../../core/transport/server-connector.ts";
import { mutate } from "../../fuzz/mutate.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { SERVER_LIES } from "../hostile/lies.ts";
import { count, type Stage } from "./play-step.ts";
import type { LieStep } from "./server-plan.ts";
import type { HttpLie, Lie } from "./sim-server.ts";
import { pickServer } from "./world.ts";

interface WorldLie {
  readonly name: string;
  frames?(): Lie;
  http?(): HttpLie;
}

const CHANGED_PERCENT = 20;

const LIES: readonly WorldLie[] = [
  ...SERVER_LIES.filter(({ rollsBack }) => rollsBack === undefined),
  {
    name: "it says something else that is well-formed",
    frames: () => {
      const random = createSeededRandom("changed frames");
      return (frame) => {
        if (!random.chance(CHANGED_PERCENT)) return [frame];
        const bytes = encode(serverFrameShape, frame);
        const changed = mutate(random, bytes, { form: "tree", others: [bytes], words: [] });
        const decoded = decode<ServerFrame>(serverFrameShape, changed);
        return [decoded.ok ? decoded.value : frame];
      };
    },
  },
  {
    name: "it answers requests with something else",
    http: () => {
      const random = createSeededRandom("changed answers");
      return (_, response) => {
        if (!random.chance(CHANGED_PERCENT)) return response;
        const body = mutate(random, response.body, { form: "cbor", others: [response.body], words: [] });
        return { ...response, body };
      };
    },
  },
  {
    name: "it gives out the same prekeys for ever",
    http: () => {
      let first: HttpResponse | null = null;
      return (path, response) => {
        if (!path.endsWith("/prekeys") || response.status !== 200) return response;
        first ??= response;
        return first;
      };
    },
  },
  { name: "it says nothing", frames: () => (frame) => (frame.type === "challenge" ? [frame] : []) },
];

/** From here on the server tells everybody this lie, each in its own way. */
export function playLieStep(stage: Stage, { server: number, lie }: LieStep): void {
  const server = pickServer(stage.world.servers, number);
  const chosen = LIES[lie % LIES.length];
  if (chosen === undefined) return;
  count(stage, `lie: ${chosen.name}`);
  const [frames, http] = [chosen.frames?.bind(chosen), chosen.http?.bind(chosen)];
  server.lie = frames === undefined ? null : toEach(frames);
  server.httpLie = http === undefined ? null : toEach(http);
}

/** Told to each device anew: a lie that is told once is told once to each. */
function toEach<A extends readonly unknown[], R>(begin: () => (...args: A) => R): (...args: A) => R {
  const toldTo = new Map<unknown, (...args: A) => R>();
  return (...args) => {
    const device = args.at(-1);
    const told = toldTo.get(device) ?? begin();
    toldTo.set(device, told);
    return told(...args);
  };
}
