/** What has to be there when a disk has refused a write. */
import { deepEqual } from "node:assert/strict";
import type { ConversationId } from "../../../core/base/ids.ts";
import { type Device, textsOf } from "../../support/story.ts";

/** Each of these devices shows exactly these texts, each once, in one order. */
export async function expectTexts(
  id: ConversationId,
  texts: readonly string[],
  ...devices: readonly Device[]
): Promise<void> {
  const shown = await Promise.all(devices.map((device) => textsOf(device, id)));
  for (const each of shown) {
    deepEqual(each.toSorted(), texts.toSorted());
    deepEqual(each, shown[0]);
  }
}

/** A handle of its own for each time something is done. */
export function plainName(name: string, label: string): string {
  return `${name}.${label.replace(/[^0-9a-z]/g, "")}`;
}

/** Stops clients. That a document could not be saved is told once more by that, also where there is room again. */
export async function stopped(...devices: readonly Device[]): Promise<void> {
  for (const { client } of devices) await client.stop();
}
