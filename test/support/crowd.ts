/** Groups of many devices, of which a few have the group's whole state. */
import { present } from "../../core/base/assert.ts";
import { GROUP_ADDS_PER_COMMIT_MAX } from "../../core/base/limits.ts";
import type { Group } from "../../core/group/group.ts";
import { joinGroup } from "../../core/group/join-group.ts";
import type { KeyPackagePair } from "../../core/group/key-package.ts";
import { good } from "./client-world.ts";
import { createGroupWorld } from "./group-world.ts";

export type GroupWorld = ReturnType<typeof createGroupWorld>;

export interface Crowd {
  readonly world: GroupWorld;
  /** The founder, and the last that came. */
  readonly full: readonly Group[];
  readonly context: Uint8Array;
  /** What the newest of all joined by. */
  readonly last: { readonly welcome: Uint8Array; readonly pair: KeyPackagePair };
}

/** A group of `leaves` devices, in which `fullCount` at most follow, with a context of `contextBytes`. */
export async function growCrowd(
  seed: string,
  {
    leaves,
    fullCount,
    contextBytes,
  }: { readonly leaves: number; readonly fullCount: number; readonly contextBytes: number },
): Promise<Crowd> {
  const made = createGroupWorld(seed);
  // Who a key belongs to is looked up in a list of all devices otherwise, for each of them.
  const world: GroupWorld = { ...made, deps: { ...made.deps, authenticate: () => true } };
  const context = new Uint8Array(contextBytes).fill(1);
  let founder = await made.found(made.device("founder", "one"), context);
  let full: Group[] = [];
  let last: Crowd["last"] | null = null;
  for (let count = 1; count < leaves; ) {
    const batch = Math.min(GROUP_ADDS_PER_COMMIT_MAX, leaves - count);
    const pairs: KeyPackagePair[] = [];
    for (let at = 0; at < batch; at++)
      pairs.push(await made.keyPackage(made.device(`member ${count + at}`, "one")));
    const { welcome, next } = await made.commit(founder, {
      add: await Promise.all(pairs.map(made.verified)),
    });
    const opened = present(welcome, "who is added is welcomed");
    count += batch;
    founder = next;
    last = { welcome: opened, pair: present(pairs.at(-1), "somebody was added") };
    if (count < leaves) continue;
    for (const pair of pairs.slice(-(fullCount - 1)))
      full = [...full, good(await joinGroup(world.deps, opened, pair, context))];
  }
  return { world, full: [founder, ...full], context, last: present(last, "a crowd is of more than one") };
}
