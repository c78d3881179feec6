/** The newest ops are read from memory, and are never anything else than what the rows say. */
import { beforeAll, expect, test } from "vitest";
import { ok } from "../../../../core/base/result.ts";
import { createOpStore } from "../../../../core/client/conversations/op-store.ts";
import { createRecentOps, type KeyedOp } from "../../../../core/client/conversations/recent-ops.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createOp, type NamedOp, OP_KIND, redactionPayloadShape } from "../../../../core/messenger/op.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { conversationOf, deviceOf, messageOp, opFields } from "../../../support/messages.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

beforeAll(cryptoReady);

const NOW_MS = 1_800_000_000_000;

/** Two op stores over the same rows: one that goes on, and one that has just been opened and knows nothing. */
function createWorld() {
  const inner = createMemoryTxStore();
  let scans = 0;
  const store = {
    ...inner,
    scan: (range: Parameters<typeof inner.scan>[0]) => {
      scans += 1;
      return inner.scan(range);
    },
  };
  const rights = {
    isForgotten: () => false,
    perishesAtMs: () => null,
    isOver: () => false,
    isDeviceOf: async () => ok(true),
  };
  const ops = createOpStore(createTables(store), () => {}, rights);
  return {
    ops,
    anew: () => createOpStore(createTables(inner), () => {}, rights),
    add: async (...named: NamedOp[]) => {
      const addition = good(await ops.add(named, NOW_MS));
      good(await store.batch(addition.writes));
      addition.commit();
    },
    remove: async (named: NamedOp) => {
      const removal = good(await ops.remove([{ ...named.op, id: named.id }]));
      good(await store.batch(removal.writes));
      removal.commit();
    },
    scans: () => scans,
  };
}

test("the newest page is read once; what comes after it needs no reading", async () => {
  const { ops, add, scans } = createWorld();
  for (let hlc = 1; hlc <= 60; hlc++) await add(messageOp({ deviceSeq: hlc, hlc }));
  const before = scans();
  const first = good(await ops.page(conversationOf(1), 50));
  expect(scans()).toBe(before + 1);
  await add(messageOp({ deviceSeq: 61, hlc: 61 }));
  const after = scans();
  const second = good(await ops.page(conversationOf(1), 50));
  expect(second.map(({ op }) => op.op.hlc)).toEqual([61, ...first.map(({ op }) => op.op.hlc).slice(0, 49)]);
  good(await ops.page(conversationOf(1), 8, second[10]?.key));
  expect(scans()).toBe(after);
});

test("pages are those of the rows, whatever is added, comes late, is taken back or removed", async () => {
  const random = createSeededRandom(11);
  const pick = (below: number) => (random.bytes(1)[0] ?? 0) % below;
  const { ops, anew, add, remove } = createWorld();
  const here: NamedOp[] = [];
  for (let step = 0; step < 400; step++) {
    const conversationId = conversationOf(1 + pick(2));
    const target = here[pick(Math.max(1, here.length))];
    const kind = pick(16);
    if (kind === 0 && target !== undefined) await remove(target);
    else if (kind === 1 && target !== undefined)
      await add(
        createOp(
          opFields({
            conversationId: target.op.conversationId,
            device: deviceOf(4),
            deviceSeq: step,
            kind: OP_KIND.redaction,
            target: target.id,
            hlc: 1_000 + step,
            payload: encode(redactionPayloadShape, {
              device: target.op.device,
              deviceSeq: target.op.deviceSeq,
              hlc: target.op.hlc,
            }),
          }),
        ),
      );
    else {
      const message = messageOp({ conversationId, deviceSeq: step, hlc: 1_000 + step - pick(40) * pick(2) });
      here.push(message);
      await add(message);
    }
    const limit = 1 + pick(30);
    const shown = good(await ops.page(conversationId, limit));
    expect(shown).toEqual(good(await anew().page(conversationId, limit)));
    const at = shown[pick(Math.max(1, shown.length))]?.key;
    expect(good(await ops.page(conversationId, limit, at))).toEqual(
      good(await anew().page(conversationId, limit, at)),
    );
  }
});

const keyed = (hlc: number, conversation = 1, text = "hello"): KeyedOp => {
  const op = messageOp({ conversationId: conversationOf(conversation), deviceSeq: hlc, hlc }, text);
  return { key: `op/${conversation}/${String(hlc).padStart(8, "0")}`, op };
};

test("what was read before something changed is not kept", () => {
  const recent = createRecentOps();
  const version = recent.version();
  recent.add([keyed(2)]);
  recent.keep(conversationOf(1), [keyed(1)], { isWhole: true, version });
  expect(recent.page(conversationOf(1), 1)).toBeNull();
  const later = recent.version();
  recent.forget(conversationOf(1));
  recent.keep(conversationOf(1), [keyed(1)], { isWhole: true, version: later });
  expect(recent.page(conversationOf(1), 1)).toBeNull();
});

test("what lies below the kept end is no part of it, and only a whole conversation has an end", () => {
  const recent = createRecentOps();
  recent.keep(conversationOf(1), [keyed(5), keyed(4)], { isWhole: false, version: recent.version() });
  recent.add([keyed(3), keyed(6)]);
  expect(recent.page(conversationOf(1), 3)?.map(({ op }) => op.op.hlc)).toEqual([6, 5, 4]);
  expect(recent.page(conversationOf(1), 4)).toBeNull();
  recent.keep(conversationOf(2), [], { isWhole: true, version: recent.version() });
  expect(recent.page(conversationOf(2), 4)).toEqual([]);
});

test("a conversation that grows, and many of them, take no memory without end", () => {
  const recent = createRecentOps();
  recent.keep(conversationOf(1), [], { isWhole: true, version: recent.version() });
  for (let hlc = 1; hlc <= 300; hlc++) recent.add([keyed(hlc)]);
  expect(recent.page(conversationOf(1), 256)).toHaveLength(256);
  expect(recent.page(conversationOf(1), 257)).toBeNull();
  const long = "x".repeat(30_000);
  for (let conversation = 2; conversation <= 180; conversation++)
    recent.keep(conversationOf(conversation), [keyed(1, conversation, long)], {
      isWhole: true,
      version: recent.version(),
    });
  expect(recent.page(conversationOf(1), 1)).toBeNull();
  expect(recent.page(conversationOf(2), 1)).toBeNull();
  expect(recent.page(conversationOf(180), 1)).toHaveLength(1);
});
