/** automerge-repo's own acceptance tests, on its websocket adapters inside the channel of two own devices. */
import { runNetworkAdapterTests } from "@automerge/automerge-repo/helpers/tests/network-adapter-tests.js";
import { cbor } from "@automerge/automerge-repo/slim";
import { afterAll, beforeAll, describe, vi } from "vitest";
import type { Bytes } from "../../core/base/bytes.ts";
import { present } from "../../core/base/assert.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { automergeReady } from "../../core/document/automerge.ts";
import { createDiallingAdapter, createListeningAdapter } from "../../core/document/direct/direct-adapter.ts";
import { createMessageSocket, type MessageSocketEnds } from "../../core/document/direct/message-socket.ts";
import { parseRepoMessage } from "../../core/document/direct/repo-message.ts";
import { addDevice, type ChainWorld, createWorld } from "../support/chain-world.ts";
import { directSelf, meet, sealedWay } from "../support/direct-peers.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

/** How long the library's tests wait for connections and first messages, and how long they wait here: a busy machine. */
const LIBRARY_PAUSE_MS = 50;
const PAUSE_MS = 1_000;

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
  const { setTimeout } = globalThis;
  vi.stubGlobal("setTimeout", (task: () => void, ms?: number) =>
    setTimeout(task, ms === LIBRARY_PAUSE_MS ? PAUSE_MS : ms),
  );
});
afterAll(() => vi.unstubAllGlobals());

let meetings = 0;

interface Named {
  peerId?: string;
}

/** Joins two sockets by a sealed stream between two devices of one account. Messages are checked as in real use. */
function join(
  world: ChainWorld,
  dialled: MessageSocketEnds,
  accepted: MessageSocketEnds,
  names: readonly [Named, Named],
): void {
  const [first, second] = [...world.keysById.keys()];
  const dialler = directSelf(world, present(first, "a first device"));
  const listener = directSelf(world, present(second, "a second device"));
  meetings += 1;
  const met = meet(createSeededRandom(`meeting ${meetings}`), dialler, listener);
  if (met.dialler?.ok !== true || met.listener?.ok !== true) throw new Error("own devices meet");
  const check = (message: Bytes, from: Named, to: Named): void => {
    // Broadcasts go on under the name of who began them, and own devices make none: they are not taken in real use.
    const decoded: unknown = cbor.decode(message);
    if (typeof decoded === "object" && decoded !== null && "type" in decoded && decoded.type === "ephemeral")
      return;
    const parsed = parseRepoMessage(message, { sender: from.peerId ?? "", target: to.peerId ?? "" });
    if (!parsed.ok) throw new Error(`the message is ${parsed.error.why}`);
  };
  let isOpen = true;
  const later = (task: () => void): void => void setTimeout(() => isOpen && task(), 0);
  const near = sealedWay(
    met.dialler.value.channel,
    (bytes) => later(() => far.take(bytes)),
    (message) => {
      check(message, names[1], names[0]);
      dialled.received(message);
    },
  );
  const far = sealedWay(
    met.listener.value.channel,
    (bytes) => later(() => near.take(bytes)),
    (message) => {
      check(message, names[0], names[1]);
      accepted.received(message);
    },
  );
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    setTimeout(() => {
      dialled.closed();
      accepted.closed();
    }, 0);
  };
  accepted.opened({ send: far.send, close });
  dialled.opened({ send: near.send, close });
}

describe("[DS11] the adapters of automerge-repo in the channel", () => {
  runNetworkAdapterTests(async () => {
    const world = createWorld("adapters");
    addDevice(world);
    const listening = await createListeningAdapter();
    const dialling = async () => {
      const adapter = await createDiallingAdapter(() => {
        const dialled = createMessageSocket();
        setTimeout(() => {
          const accepted = createMessageSocket();
          listening.add(accepted);
          join(world, dialled, accepted, [adapter, listening.adapter]);
        }, 0);
        return dialled;
      });
      return adapter;
    };
    const [first, second] = [await dialling(), await dialling()];
    return { adapters: [first, listening.adapter, second], teardown: () => listening.close() };
  }, "sealed channel");
});
