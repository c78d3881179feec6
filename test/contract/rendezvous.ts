/** What every rendezvous must do. Run by each adapter's own test. */
import { describe, expect, test } from "vitest";
import { idFromBytes } from "../../core/base/ids.ts";
import { RENDEZVOUS_BYTES_MAX, RENDEZVOUS_TTL_MS } from "../../core/base/limits.ts";
import type { Rendezvous } from "../../core/sigchain/linking/rendezvous.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

export interface RendezvousHarness {
  readonly rendezvous: Rendezvous;
  /** Moves the server's clock. */
  advance(ms: number): void;
}

/** Runs the contract on what `create` makes. */
export function rendezvousContract(name: string, create: () => Promise<RendezvousHarness>): void {
  const random = createSeededRandom(`rendezvous ${name}`);
  const freshId = () => idFromBytes("rendezvous", random.bytes(16));
  const bytes = (...values: readonly number[]) => Uint8Array.from(values);

  describe(`rendezvous: ${name}`, () => {
    test("[LK5] holds one value of up to RENDEZVOUS_BYTES_MAX bytes", async () => {
      const { rendezvous } = await create();
      const id = freshId();
      const full = random.bytes(RENDEZVOUS_BYTES_MAX);
      expect(await rendezvous.put(id, 0, full)).toEqual({ ok: true, value: { version: 1 } });
      expect(await rendezvous.get(id, 0)).toEqual({ ok: true, value: { version: 1, message: full } });
      expect((await rendezvous.put(id, 1, random.bytes(RENDEZVOUS_BYTES_MAX + 1))).ok).toBe(false);
      expect(await rendezvous.get(id, 0)).toEqual({ ok: true, value: { version: 1, message: full } });
    });

    test("[LK7] replaces by compare-and-swap; the same bytes at the same version again succeed", async () => {
      const { rendezvous } = await create();
      const id = freshId();
      expect(await rendezvous.put(id, 1, bytes(1))).toMatchObject({ error: { type: "RendezvousGone" } });
      await rendezvous.put(id, 0, bytes(1));
      expect(await rendezvous.put(id, 0, bytes(1))).toEqual({ ok: true, value: { version: 1 } });
      const lost = await rendezvous.put(id, 0, bytes(2));
      expect(lost).toEqual({ ok: false, error: { type: "RendezvousConflict", version: 1 } });
      expect(await rendezvous.put(id, 1, bytes(3))).toEqual({ ok: true, value: { version: 2 } });
      const late = await rendezvous.put(id, 1, bytes(4));
      expect(late).toEqual({ ok: false, error: { type: "RendezvousConflict", version: 2 } });
      expect(await rendezvous.get(id, 1)).toEqual({ ok: true, value: { version: 2, message: bytes(3) } });
    });

    test("[LK6] is gone RENDEZVOUS_TTL_MS after it was created, for good", async () => {
      const { rendezvous, advance } = await create();
      const id = freshId();
      await rendezvous.put(id, 0, bytes(1));
      advance(RENDEZVOUS_TTL_MS - 1);
      expect((await rendezvous.put(id, 1, bytes(2))).ok).toBe(true);
      advance(1);
      expect(await rendezvous.get(id, 0)).toMatchObject({ error: { type: "RendezvousGone" } });
      expect(await rendezvous.put(id, 2, bytes(3))).toMatchObject({ error: { type: "RendezvousGone" } });
    });

    test("slots do not know each other", async () => {
      const { rendezvous } = await create();
      const [a, b] = [freshId(), freshId()];
      await rendezvous.put(a, 0, bytes(1));
      expect(await rendezvous.get(b, 0)).toMatchObject({ error: { type: "RendezvousGone" } });
      await rendezvous.put(b, 0, bytes(2));
      expect(await rendezvous.get(a, 0)).toEqual({ ok: true, value: { version: 1, message: bytes(1) } });
    });
  });
}
