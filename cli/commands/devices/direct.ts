/** `dovetail device direct`: own devices synchronise with each other, without a server. */
import { type Client, type ClientEvent, err, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import type { Output } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";

export interface DirectRequest {
  readonly listen: string | undefined;
  readonly peer: string | undefined;
}

type DirectEvent = Extract<ClientEvent, { readonly type: "direct" }>;

/** With `--listen` it stays until Ctrl-C; with `--json` it is a stream then: the addresses, then each event. */
export function syncDirectly(
  context: CommandContext,
  { listen, peer }: DirectRequest,
): Promise<Result<Outcome, CliError>> {
  if (listen !== undefined && peer === undefined) return listenUntilEnded(context, listen);
  if (peer !== undefined && listen === undefined) return dial(context, peer);
  return Promise.resolve(
    err({
      type: "Usage",
      message: "one of --listen and --peer is needed",
      hint: "--listen 0.0.0.0:0 on one device, then --peer with the address it shows on the other",
    }),
  );
}

async function dial(context: CommandContext, address: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const synced = await client.syncDirect(address);
    if (!synced.ok) return synced;
    const { device, receivedDocuments } = synced.value;
    const name = await nameOf(client, device);
    return ok({
      json: { direct: synced.value },
      messages: [
        `This device and ${name} hold the same. ${count(receivedDocuments, "document")} came from there; what is new goes to the server with the next sync.`,
      ],
    });
  });
}

async function listenUntilEnded(
  context: CommandContext,
  address: string,
): Promise<Result<Outcome, CliError>> {
  const body = async (client: Client): Promise<Result<Outcome, CliError>> => {
    const listening = await client.listenDirect(address);
    if (!listening.ok) return listening;
    const { addresses, close } = listening.value;
    const { output } = context;
    output.stream({ addresses });
    if (!output.isJson) output.print(addresses.map((one) => `dovetail device direct --peer ${one}`));
    output.say(
      "Run this on another device of yours. Only active devices of your account are let in. Ctrl-C ends it.",
    );
    const lost = Promise.withResolvers<CliError>();
    const describe = createDirectTeller(client, output);
    const stopListening = client.onEvent((event) => {
      if (event.type === "direct") {
        output.stream({ event });
        if (!output.isJson) describe(event);
      }
      if (event.type === "connection" && event.status.lastError?.type === "OwnerGone")
        lost.resolve(event.status.lastError);
    });
    const interrupted = new Promise<null>((resolve) => {
      if (context.interrupted.aborted) resolve(null);
      context.interrupted.addEventListener("abort", () => resolve(null), { once: true });
    });
    const end = await Promise.race([lost.promise, interrupted]);
    stopListening();
    await close();
    return end === null ? ok({ json: { direct: "stopped" }, messages: ["Stopped."] }) : err(end);
  };
  return withClient({ ...context, interrupted: new AbortController().signal }, body);
}

async function nameOf(client: Pick<Client, "devices">, id: string): Promise<string> {
  const devices = await client.devices();
  const found = devices.ok ? devices.value.find((device) => device.id === id) : undefined;
  return plainLine(found?.name ?? shortId(id));
}

/** Tells what becomes of devices that dial, by their names, in the order it happens. */
export function createDirectTeller(
  client: Pick<Client, "devices">,
  output: Pick<Output, "say">,
): (event: DirectEvent) => void {
  let told = Promise.resolve();
  return (event) => {
    const name = event.device === null ? Promise.resolve(null) : nameOf(client, event.device);
    told = told.then(async () => output.say(describeDirect(event, await name)));
  };
}

/** What became of a device that dialled; `name` is null before it has proven to be one. */
function describeDirect({ state, why }: DirectEvent, name: string | null): string {
  const who = name ?? "Something";
  switch (state) {
    case "refused":
      return `${who} dialled and was refused (${plainLine(why ?? "unknown")}).`;
    case "connected":
      return `${who} has dialled.`;
    case "equal":
      return `${who} and this one hold the same.`;
    case "left":
      return `${who} has left.`;
  }
}
