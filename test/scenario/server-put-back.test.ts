/** A chain that is put back over HTTP: verified link by link, shown as one. Rule IN6. */
import { afterEach, beforeAll, expect, test } from "vitest";
import { createSystemClock } from "../../core/base/clock.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import { LINK_BYTES_MAX } from "../../core/base/limits.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { decode, encode, type Shape } from "../../core/codec/shape.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import {
  type AppendLink,
  appendLinkShape,
  chainPageShape,
  doneShape,
  httpFailureShape,
  registerShape,
  stagedShape,
  stageLinkShape,
} from "../../core/protocol/directory.ts";
import { createServer, DEFAULT_CONFIG } from "../../sync-server/server.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import {
  addDevice,
  type ChainWorld,
  createWorld,
  firstKeys,
  must,
  revokeDevices,
  rotate,
  stateOf,
} from "../support/chain-world.ts";
import { newestLink, registration } from "../support/server-account.ts";

beforeAll(cryptoReady);

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function emptyServer(changes: Partial<typeof DEFAULT_CONFIG> = {}) {
  const server = must(
    await createServer(
      { ...DEFAULT_CONFIG, port: 0, ...changes },
      {
        store: createMemoryStore(),
        clock: createSystemClock(),
        random: createPlatformRandom(),
        logger: silentLogger,
      },
    ),
  );
  cleanUps.push(() => server.close());
  const origin = server.origins[0] ?? "";
  const call = async <T>(
    method: string,
    path: string,
    shape: Shape<T>,
    body?: Bytes,
  ): Promise<T | string> => {
    const headers = { "content-type": "application/cbor" };
    const init = body === undefined ? { method } : { method, headers, body: new Uint8Array(body) };
    const response = await fetch(`${origin}${path}`, init);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return response.ok ? must(decode(shape, bytes)) : must(decode(httpFailureShape, bytes)).code;
  };
  return {
    begin: (world: ChainWorld) => {
      const registered = must(decode(registerShape, registration(world)));
      const body = encode(registerShape, { ...registered, restores: stateOf(world).head });
      return call("POST", "/v1/accounts", doneShape, body);
    },
    stage: (world: ChainWorld, act: AppendLink) =>
      call(
        "POST",
        `/v1/accounts/${stateOf(world).accountId}/staged-links`,
        stagedShape,
        encode(stageLinkShape, { head: stateOf(world).head, ...act }),
      ),
    chain: (world: ChainWorld) =>
      call("GET", `/v1/accounts/${stateOf(world).accountId}/chain`, chainPageShape),
    append: (world: ChainWorld, act: AppendLink) =>
      call("POST", `/v1/accounts/${stateOf(world).accountId}/links`, doneShape, encode(appendLinkShape, act)),
  };
}

/** A chain in which a device added another one on the day that it came itself, and the acts that made it. */
function lived(seed: string) {
  const world = createWorld(seed);
  const acts: AppendLink[] = [];
  const act = (): void => void acts.push(must(decode(appendLinkShape, newestLink(world))));
  const young = addDevice(world);
  act();
  rotate(world);
  act();
  const younger = addDevice(world, young);
  act();
  revokeDevices(world, [younger.id], firstKeys(world));
  act();
  return { world, acts };
}

const DONE = { isDone: true };

test("[IN6] [DI11] a chain is verified link by link, held back by nothing, and there with its last link", async () => {
  const { world, acts } = lived("put back");
  const server = await emptyServer();
  const [added, rotated, ...rest] = acts as [AppendLink, AppendLink, ...AppendLink[]];
  expect(await server.stage(world, added), "not begun").toBe("unknown-account");
  expect(await server.begin(world)).toEqual(DONE);
  expect(await server.chain(world)).toBe("unknown-account");
  expect(await server.stage(world, rotated), "one is missing").toBe("chain-conflict");
  expect(await server.stage(world, { ...added, box: null }), "without its box").toBe("bad-link");
  expect(await server.stage(world, { ...added, link: new Uint8Array(9) })).toBe("bad-link");
  expect(await server.stage(world, { ...added, link: new Uint8Array(LINK_BYTES_MAX) })).toBe("bad-link");
  expect(await server.stage(world, added)).toEqual({ seq: 2 });
  expect(await server.stage(world, rotated)).toEqual({ seq: 3 });
  expect(await server.stage(world, added), "again, because the answer was lost").toEqual({ seq: 3 });
  expect(await server.begin(world), "again").toEqual(DONE);
  for (const act of rest) {
    expect(await server.chain(world)).toBe("unknown-account");
    expect(await server.append(world, act), "not by the way of those that are there").toBe("unknown-account");
    expect(typeof (await server.stage(world, act))).toBe("object");
  }
  expect(await server.chain(world)).toMatchObject({ headSeq: 5, links: world.links });
  expect(await server.stage(world, added), "it is there").toBe("chain-conflict");
});

test("[IN6] of a chain of one link that link is the last; a closed server lets nobody begin", async () => {
  const world = createWorld("one link");
  expect(await (await emptyServer({ isRegistrationOpen: false })).begin(world)).toBe("registration-closed");
  const server = await emptyServer();
  expect(await server.begin(world)).toEqual(DONE);
  expect(await server.chain(world)).toMatchObject({ headSeq: 1 });
});

test("[IN6] two devices that put it back at the same moments are not in each other's way", async () => {
  const { world, acts } = lived("two at once");
  const server = await emptyServer();
  expect(await Promise.all([server.begin(world), server.begin(world)])).toEqual([DONE, DONE]);
  for (const act of acts.slice(0, -1)) {
    const both = await Promise.all([server.stage(world, act), server.stage(world, act)]);
    expect(both[0]).toEqual(both[1]);
  }
  const [last] = acts.slice(-1) as [AppendLink];
  const both = await Promise.all([server.stage(world, last), server.stage(world, last)]);
  expect(both).toContainEqual({ seq: 5 });
  expect(await server.chain(world)).toMatchObject({ headSeq: 5 });
});
