/** `dovetail device revoke`: take a device out of the account, with what that means said before and after. */
import { type Client, err, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { syncWithProgress } from "../../send-off.ts";
import { findDevice } from "../find-things.ts";

/** Revokes after a yes, or at once with `--yes`. */
export function revokeDevice(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  const body = async (client: Client): Promise<Result<Outcome, CliError>> => {
    const device = await findDevice(client, query);
    if (!device.ok) return device;
    const name = plainLine(device.value.name);
    if (device.value.isThis) {
      return err({
        type: "Usage",
        message: "a device does not revoke itself",
        hint: "use another device of yours, or the recovery key",
      });
    }
    const agreed = await isAgreed(
      context,
      `${name} will open nothing written from now on. What it holds it keeps. Revoke it?`,
      "revoke the device",
    );
    if (!agreed.ok) return agreed;
    const revoked = await client.revokeDevice(device.value.id);
    if (!revoked.ok) return revoked;
    // Contacts are told of the new logs at once; what they write meanwhile arrives all the same.
    const told = await syncWithProgress(context, client);
    if (!told.ok) return told;
    return ok({
      json: { revoked: device.value.id },
      messages: [`${name} is revoked. It opens nothing written from now on; what it holds it keeps.`],
    });
  };
  return withClient(context, body, { isGuarded: true });
}
