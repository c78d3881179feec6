/** What is kept of a group that is given up, for what it had done to be asked for again. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import { createRoomGivingUp } from "../../../../../core/client/rooms/membership/room-giving-up.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { encodeRoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";

beforeAll(cryptoReady);

const roomId = idFromBytes("conversation", new Uint8Array(32).fill(7));
const account = (number: number): AccountId => idFromBytes("account", new Uint8Array(32).fill(number));
const [ada, ben, carl, dora] = [account(1), account(2), account(3), account(4)] as const;

type Act = readonly [epoch: number, type: "added" | "removed" | "left", accountId: AccountId, by?: AccountId];

interface Case {
  readonly acts?: readonly Act[];
  readonly why?: "lost" | "forked";
  readonly incarnation?: number;
  readonly isCalled?: boolean;
  readonly hasEarlier?: boolean;
}

/** What Ada keeps of a room with Ben and Carl, whose log began in epoch 5 and brings the one commit before. */
async function kept({ acts = [], why = "forked", incarnation = 1, ...rest }: Case) {
  const world = createGroupWorld("giving up");
  const founded = await world.found(world.device("ada", "laptop"));
  const head = idFromBytes("link", new Uint8Array(32));
  const context = encodeRoomContext({
    ...{ name: "Garden", about: "", keysSince: 0, lifetimeMs: null, history: null },
    members: [ada, ben, carl].map((accountId, at) => ({
      ...({ accountId, role: at === 0 ? "owner" : "member", sinceEpoch: at, seq: 1 } as const),
      ...{ name: "", origin: "", head, mutedUntilMs: null },
    })),
  });
  const store = createMemoryTxStore();
  const tables = createTables(store);
  for (const [index, [epoch, type, accountId, by = ada]] of acts.entries()) {
    const happening =
      type === "added"
        ? { type, accountId, name: "", role: "member" as const }
        : { type, accountId, name: "" };
    good(await store.batch([tables.happening.put([roomId, epoch, index], { by, atMs: 1, happening })]));
  }
  if (rest.hasEarlier === true)
    good(await store.batch([tables.roomredo.put([roomId], { epoch: 1, context })]));
  const givingUp = createRoomGivingUp({
    context: { tables, identity: { accountId: ada } } as never,
    groups: { forget: async () => ok([]) },
    anew: { begun: async () => ok({ incarnation, epoch: 5, commits: [new Uint8Array(32)] }) },
    calling: { of: async () => ok(rest.isCalled === true ? ({} as never) : null) },
    onChanged: () => {},
  });
  const draft = { group: { ...founded, context }, reader: { point: { incarnation } }, writes: [] } as never;
  good(await givingUp.give(roomId, draft, why));
  good(await store.batch((draft as { writes: [] }).writes));
  return good(await tables.roomdone.get(roomId));
}

test("[RM62] whom this account let into a group that came apart is kept, from where the log began, by their last act", async () => {
  const both: readonly Act[] = [
    [4, "added", ben],
    [5, "added", carl],
  ];
  expect(await kept({ acts: both })).toEqual({ gone: [], came: [carl] });
  expect(await kept({ acts: both, why: "lost" })).toEqual({ gone: [], came: [] });
  expect(await kept({ acts: [[5, "added", carl, ben]] })).toEqual({ gone: [], came: [] });
  // Who is not in it any more did not come.
  expect(await kept({ acts: [[5, "added", dora]] })).toEqual({ gone: [], came: [] });
});

test("[RM62] whom the device has followed out of it since then is kept, unless they came back", async () => {
  expect(await kept({ acts: [[5, "removed", dora]], why: "lost" })).toEqual({ gone: [dora], came: [] });
  expect(await kept({ acts: [[6, "left", dora, dora]] })).toEqual({ gone: [dora], came: [] });
  expect(await kept({ acts: [[4, "removed", dora]] })).toEqual({ gone: [], came: [] });
  const back: readonly Act[] = [
    [5, "removed", carl],
    [6, "added", carl, ben],
  ];
  expect(await kept({ acts: back })).toEqual({ gone: [], came: [] });
});

test("[RM62] [RM72] nothing is kept of a group that the device was called into, of a log as it was first begun, nor in place of what waits", async () => {
  const acts: readonly Act[] = [[5, "removed", dora]];
  expect(await kept({ acts, isCalled: true })).toBe(null);
  expect(await kept({ acts, incarnation: 0 })).toBe(null);
  expect(await kept({ acts, hasEarlier: true })).toBe(null);
});
