/** Sessions of two own devices with their parts at hand, for what no client does. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Bytes } from "../../core/base/bytes.ts";
import { present } from "../../core/base/assert.ts";
import { encode } from "../../core/codec/shape.ts";
import { type DirectSession, startDirectSession } from "../../core/client/direct/direct-session.ts";
import { cbor } from "@automerge/automerge-repo/slim";
import { directFrameShape } from "../../core/log/direct-frame.ts";
import type { ChainState } from "../../core/sigchain/chain-state.ts";
import { good, engineReady, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { meet } from "../support/direct-peers.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { engineOf, settle, stopAll } from "../support/story.ts";

let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer();
});
afterAll(() => server.close());

type EngineDevice = Awaited<ReturnType<typeof engineOf>>;

async function twoEngines(name: string): Promise<readonly [EngineDevice, EngineDevice]> {
  const first = await newAccount(server.origin, name);
  const second = await linkedDevice(first.client, "second", memoryPlatform());
  await settle(first, second);
  await stopAll(first, second);
  return [await engineOf(first.platform), await engineOf(second.platform)];
}

function selfOf({ engine: { context } }: EngineDevice) {
  const { identity, accountRoot } = context;
  const { accountId, deviceId } = identity;
  return {
    accountId,
    deviceId,
    signKeys: identity.keys.sign,
    accountRoot,
    chain: context.chain(),
    links: [],
  };
}

/** Both ends of a session; `chain` is what the second device goes by. */
async function join(
  [first, second]: readonly [EngineDevice, EngineDevice],
  chain: (now: ChainState) => ChainState = (now) => now,
) {
  const met = meet(createSeededRandom("session"), selfOf(first), selfOf(second));
  if (met.dialler?.ok !== true || met.listener?.ok !== true) throw new Error("own devices meet");
  const ends = { dialler: met.dialler.value, listener: met.listener.value };
  const sessions: { dialler?: DirectSession; listener?: DirectSession } = {};
  const start = async (side: "dialler" | "listener", device: EngineDevice) => {
    const { engine } = device;
    const context = {
      ...engine.context,
      chain: () => (side === "listener" ? chain : (now: ChainState) => now)(engine.context.chain()),
    };
    const { log, documents, conversations } = engine;
    const other = side === "dialler" ? "listener" : "dialler";
    const started = await startDirectSession(
      { context, log, documents, conversations },
      {
        side,
        peer: ends[side].deviceId,
        channel: ends[side].channel,
        send: (frame: Bytes) => void setTimeout(() => sessions[other]?.take(frame), 5),
        close: () => {},
      },
    );
    return good(started);
  };
  const [dialler, listener] = await Promise.all([start("dialler", first), start("listener", second)]);
  sessions.dialler = dialler;
  sessions.listener = listener;
  return { dialler, listener, ends };
}

test("[DS7] a revocation that comes to be known in the middle ends the session at the next frame", async () => {
  const pair = await twoEngines("middle.ada");
  let isRevoked = false;
  const { dialler, listener } = await join(pair, (now) => {
    const peer = present(now.devicesById.get(pair[0].engine.context.identity.deviceId), "the first device");
    const devicesById = new Map(now.devicesById).set(peer.id, { ...peer, revokedSeq: now.seq });
    return isRevoked ? { ...now, devicesById } : now;
  });
  expect(await listener.whenEqual()).toBe(true);
  isRevoked = true;
  await pair[0].client.createTag("after it was revoked");
  await listener.whenEnded;
  expect(await listener.whenEqual()).toBe(false);
  await dialler.end();
  await stopAll(...pair);
});

test("[DS10] an own device that speaks for another one ends its session", async () => {
  const pair = await twoEngines("speaks.ada");
  const { dialler, listener, ends } = await join(pair);
  expect(await listener.whenEqual()).toBe(true);
  const message = cbor.encode({
    type: "sync",
    senderId: "f".repeat(32),
    targetId: pair[1].engine.context.identity.deviceId,
    documentId: "4NMNnkMhL8jXrdJ9jamS58PAVdXu",
    data: Uint8Array.of(1),
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  listener.take(ends.dialler.channel.seal(encode(directFrameShape, { type: "repo", message })));
  await listener.whenEnded;
  await dialler.end();
  await stopAll(...pair);
});
