/** What the length of a message shows on the wire, with each setting of a device's padding. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Padding } from "@dovetail/core";
import { FRAME_PADDING_FIXED_BYTES, FRAME_PADDING_FLOOR_BYTES } from "../../core/base/limits.ts";
import { padmeLength } from "../../core/crypto/padding.ts";
import { good, memoryPlatform } from "../support/client-world.ts";
import { type FrameTap, startFrameTap } from "../support/frame-tap.ts";
import { createFriends, reopened, settle, stopAll, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
let tap: FrameTap;

beforeAll(async () => {
  tap = await startFrameTap(server.origin);
});
afterAll(() => tap.close());

/** What asks, answers or acknowledges is smaller, whatever is said; only without padding does that show. */
const ENTRY_FRAME_BYTES_MIN = 300;

test("[CR5] [GW15] on the socket, a text's length shows with padding off, hardly with PADMÉ, and not with fixed sizes", {
  timeout: 120_000,
}, async () => {
  const platform = memoryPlatform({ connector: tap.connector });
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.pad", "ben.pad"], {
    ada: platform,
  });
  const texts = ["x", "y".repeat(40), "z".repeat(700)];

  /** Sizes of the two entries a text leaves in, to the own account log and to the other side, smaller first. */
  async function framesOf(text: string): Promise<readonly number[]> {
    const before = tap.sizes().length;
    good(await ada.client.send(conversationId, text));
    await settle(ada, ben);
    const entries = tap
      .sizes()
      .slice(before)
      .filter((size) => size >= ENTRY_FRAME_BYTES_MIN);
    return entries.slice(0, 2).sort((a, b) => a - b);
  }
  interface Seen {
    readonly entries: readonly (readonly number[])[];
    /** Every size of either side. */
    readonly all: ReadonlySet<number>;
  }
  async function sizesWith(padding: Padding): Promise<Seen> {
    good(await ada.client.setPadding(padding));
    // What is sealed already has its size.
    await settle(ada, ben);
    const [sent, received] = [tap.sizes().length, tap.receivedSizes().length];
    const entries: (readonly number[])[] = [];
    for (const text of texts) entries.push(await framesOf(text));
    return { entries, all: new Set([...tap.sizes().slice(sent), ...tap.receivedSizes().slice(received)]) };
  }

  const off = await sizesWith("off");
  const padme = await sizesWith("padme");
  const fixed = await sizesWith("fixed");
  for (const entry of [0, 1]) {
    const [short = 0, medium = 0, long = 0] = off.entries.map((sizes) => sizes[entry] ?? 0);
    expect(medium - short).toBeGreaterThanOrEqual(39);
    expect(long - medium).toBeGreaterThanOrEqual(660);

    const [padmeShort = 0, , padmeLong = 0] = padme.entries.map((sizes) => sizes[entry] ?? 0);
    expect(padmeShort).toBeGreaterThan(short);
    expect(padmeLong).toBeGreaterThan(padmeShort);
  }
  // Without padding each kind of frame has its own sizes; with fixed ones a text is as long as its acknowledgement.
  expect(off.all.size).toBeGreaterThan(12);
  expect([...off.all].some((size) => size < 10)).toBe(true);
  expect([...padme.all].filter((size) => !isPadme(size))).toEqual([]);
  expect(padme.all.size).toBeLessThan(off.all.size);
  expect([...fixed.all]).toEqual([FRAME_PADDING_FIXED_BYTES[0]]);

  // Readers need not know the setting of who sealed it, and it is the device's after a start too.
  expect(await textsOf(ben, conversationId)).toEqual([...texts, ...texts, ...texts]);
  good(await ada.client.stop());
  const before = { sent: tap.sizes().length, received: tap.receivedSizes().length };
  const again = await reopened(platform);
  expect(good(await again.client.padding())).toBe("fixed");
  await settle(again, ben);
  // A whole sign-in with all it asks.
  for (const sizes of [tap.sizes().slice(before.sent), tap.receivedSizes().slice(before.received)]) {
    expect(sizes.length).toBeGreaterThan(5);
    expect(sizes.filter((size) => !FRAME_PADDING_FIXED_BYTES.includes(size))).toEqual([]);
  }
  await stopAll(again, ben);
});

/** A multiple of a unit that grows with it, at least the floor. */
function isPadme(size: number): boolean {
  return size >= FRAME_PADDING_FLOOR_BYTES && padmeLength(size) === size;
}
