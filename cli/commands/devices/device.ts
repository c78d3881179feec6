/** `dovetail device`: the devices of the account, linking one more, names. */
import type { Command } from "commander";
import {
  type DeviceId,
  type DeviceKind,
  type DeviceView,
  type FrontierReport,
  ok,
  type Result,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { shortId } from "../../errors/error-words.ts";
import { type Cell, layOutTable } from "../../output/columns.ts";
import { localDay, localTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { syncDirectly } from "./direct.ts";
import { addExamples } from "../examples.ts";
import { findDevice } from "../find-things.ts";
import { lackCell } from "./frontier-table.ts";
import { linkAnotherDevice } from "./link-another-device.ts";
import { revokeDevice } from "./revoke-device.ts";

interface DirectOptions {
  readonly listen?: string;
  readonly peer?: string;
}

export function addDeviceCommands(program: Command, run: RunCommand): void {
  const device = program.command("device").description("the devices of your account");
  addExamples(device, [
    ["dovetail device list", "which devices there are, and what each of them lacks"],
    ["dovetail device link", "show a code for one more, then type the digits it shows"],
    ["dovetail device revoke tablet", "take one out, because it is lost or sold"],
    ['dovetail device rename laptop "old laptop"', "call one of them something else"],
  ]);

  device
    .command("list")
    .description("all devices, also revoked ones")
    .action((_options: unknown, command: Command) => run(command, list));

  device
    .command("link")
    .description("link one more device: it reads the code shown here, you type the digits it shows")
    .option(
      "--replaces <device>",
      "a device that goes in the same step, such as a browser that lost its storage",
    )
    .action((options: { readonly replaces?: string }, command: Command) =>
      run(command, (context) => linkAnotherDevice(context, options)),
    )
    .addHelpText("after", "\nWithout a terminal the digits are read as one line from standard input.");

  const direct = device
    .command("direct")
    .description("synchronise with another device of yours on this network, without a server")
    .option("--listen <address>", "let the other device dial this one: HOST:PORT, port 0 for any")
    .option("--peer <address>", "dial the device that listens there")
    .action((request: DirectOptions, command: Command) =>
      run(command, (context) => syncDirectly(context, { listen: request.listen, peer: request.peer })),
    );
  addExamples(direct, [
    [
      "dovetail device direct --listen 0.0.0.0:0",
      "on one device: shows the line for the other, stays until Ctrl-C",
    ],
    ["dovetail device direct --peer 192.168.1.20:41000", "on the other: until both hold the same"],
  ]);

  device
    .command("revoke")
    .description("take a device out: it opens nothing written from then on")
    .argument("<device>", "its name, or the start of its id")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => revokeDevice(context, query)),
    );

  device
    .command("rename")
    .description("call a device something else")
    .argument("<device>", "its name, or the start of its id")
    .argument("<name>")
    .action((query: string, name: string, _options: unknown, command: Command) =>
      run(command, (context) => rename(context, query, name)),
    );
}

async function list(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const devices = await client.devices();
    if (!devices.ok) return devices;
    const report = await client.deviceFrontiers();
    if (!report.ok) return report;
    return ok({
      json: { devices: devices.value, frontiers: report.value },
      text: (page) => layOutDevices(devices.value, report.value, page),
    });
  });
}

function layOutDevices(
  devices: readonly DeviceView[],
  report: FrontierReport,
  page: Page,
): readonly string[] {
  return layOutTable(
    [
      { title: "DEVICE", isFlexible: true },
      { title: "STATE" },
      { title: "LACKS" },
      { title: "SINCE" },
      { title: "LINKED" },
      { title: "ID" },
    ],
    devices.map(({ id, name, kind, isThis, isActive, ...device }) => [
      {
        text: kind === null ? plainLine(name) : `${plainLine(name)} (${KIND_WORDS[kind]})`,
        style: isThis ? "strong" : undefined,
      },
      isActive
        ? { text: isThis ? "this device" : "active", style: "good" }
        : { text: "revoked", style: "faint" },
      ...heldBy(report, id),
      { text: describeArrival(device, devices) },
      { text: shortId(id), style: "faint" },
    ]),
    page,
  );
}

const KIND_WORDS: Readonly<Record<DeviceKind, string>> = {
  browser: "browser",
  phone: "phone",
  tablet: "tablet",
  "command-line": "command line",
};

/** When it came and by whom, as the chain says. */
function describeArrival(
  {
    arrival,
    addedAtMs,
    addedBy,
    addedSeq,
  }: Pick<DeviceView, "arrival" | "addedAtMs" | "addedBy" | "addedSeq">,
  devices: readonly DeviceView[],
): string {
  const when = addedAtMs === null ? `link ${addedSeq}` : localDay(addedAtMs);
  if (arrival === "genesis") return `${when}, the first`;
  if (arrival === "recovered") return `${when}, by recovery key`;
  const by = devices.find(({ id }) => id === addedBy);
  return by === undefined ? when : `${when} by ${plainLine(by.name)}`;
}

/** What a device lacks, and since when it is where it is, as far as it has said so. */
function heldBy(report: FrontierReport, device: DeviceId): readonly Cell[] {
  const told = report.devices.find((one) => one.device === device);
  if (told === undefined) return [{ text: "" }, { text: "" }];
  return [lackCell(told), { text: told.reachedAtMs === null ? "" : localTime(told.reachedAtMs) }];
}

async function rename(
  context: CommandContext,
  query: string,
  name: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const device = await findDevice(client, query);
    if (!device.ok) return device;
    const renamed = await client.setDeviceName(device.value.id, name);
    if (!renamed.ok) return renamed;
    return reportChange(context, client, {
      json: { deviceId: device.value.id, name },
      message: `${plainLine(device.value.name)} is called ${plainLine(name)} now.`,
    });
  });
}
