/** What a listening device says of those that dial it. */
import { expect, test } from "vitest";
import { createDirectTeller } from "../../../cli/commands/devices/direct.ts";
import { parseId } from "../../../core/base/ids.ts";
import { ok } from "../../../core/base/result.ts";
import type { DeviceView } from "../../../core/client/views/account-view.ts";
import { good } from "../../support/client-world.ts";

const ID = good(parseId("device", "57".repeat(16)));

test("devices are called by their names, in the order in which they came", async () => {
  const said: string[] = [];
  let answer = (_name: string): void => {};
  const first = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const names = [first, Promise.resolve("tablet")];
  const devices = async () => {
    const name = await names.shift();
    const device: DeviceView = {
      ...{ id: ID, name: name ?? "", kind: null, isThis: false, isActive: true },
      ...{ addedSeq: 1, arrival: "genesis", addedBy: null, addedAtMs: null, revokedAtMs: null },
    };
    return ok(name === undefined ? [] : [device]);
  };
  const tell = createDirectTeller({ devices }, { say: (line) => said.push(line) });
  tell({ type: "direct", state: "connected", device: ID, why: null });
  tell({ type: "direct", state: "equal", device: ID, why: null });
  tell({ type: "direct", state: "refused", device: null, why: "NotSibling" });
  // Of one that is not on the account any more there is only its id.
  tell({ type: "direct", state: "left", device: ID, why: null });
  answer("phone\u001b[2J");
  await expect.poll(() => said.length).toBe(4);
  expect(said).toEqual([
    "phone\\x1b[2J has dialled.",
    "tablet and this one hold the same.",
    "Something dialled and was refused (NotSibling).",
    `${ID.slice(0, 8)} has left.`,
  ]);
});
