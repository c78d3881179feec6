/** The existing device's side of linking: QR, link and countdown; then the digits the new device shows. */
import { toString as drawQr } from "qrcode";
import { type Client, err, type LinkingHost, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { shortId } from "../../errors/error-words.ts";
import { timeLeft } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { padText, textWidth, wrapText } from "../../output/text-width.ts";
import { sendOff } from "../../send-off.ts";
import { findDevice } from "../find-things.ts";

const COUNTDOWN_STEP_MS = 1_000;
const CODE_PATTERN = /^\d{6}$/;

/** `dovetail device link`. With `--json` it is a stream: the code, the name of who answered, then the report. */
export function linkAnotherDevice(
  context: CommandContext,
  { replaces }: { readonly replaces?: string } = {},
): Promise<Result<Outcome, CliError>> {
  const body = async (client: Client): Promise<Result<Outcome, CliError>> => {
    const old = replaces === undefined ? ok(null) : await findDevice(client, replaces);
    if (!old.ok) return old;
    if (old.value !== null) {
      const agreed = await isAgreed(
        context,
        `${plainLine(old.value.name)} will open nothing written from then on, as if it were revoked. Replace it?`,
        "replace the device",
      );
      if (!agreed.ok) return agreed;
    }
    const account = await client.account();
    if (!account.ok) return account;
    const hosting = await client.linkDevice(old.value === null ? {} : { replaces: old.value.id });
    if (!hosting.ok) return hosting;
    const host = hosting.value;
    context.interrupted.addEventListener("abort", () => host.cancel(), { once: true });
    await showCode(context, host, account.value.origin);
    const answered = await countDown(context, host, host.whenAnswered);
    if (!answered.ok) return answered;
    context.output.stream({ deviceName: answered.value.deviceName });
    const digits = await readDigits(context, answered.value.deviceName);
    if (!digits.ok) {
      await host.cancel();
      return digits;
    }
    const confirmed = await host.confirm(digits.value);
    if (!confirmed.ok) return confirmed;
    return describeLinked(context, client, { ...confirmed.value, ...answered.value });
  };
  return withClient(context, body, { isGuarded: true });
}

async function showCode({ output }: CommandContext, host: LinkingHost, origin: string): Promise<void> {
  output.stream({ code: host.code, typedCode: host.typedCode, expiresAtMs: host.expiresAtMs });
  if (output.isJson) return;
  if (output.isLive) output.print(await qrLines(host.code, output.page));
  output.print(["", host.code, ""]);
  output.say("On the new device: dovetail account link, and paste this line. Or scan the QR in the web app.");
  output.say(`Where neither can be done, type ${host.typedCode} there, and the server ${plainLine(origin)}.`);
  if (!output.isLive)
    output.say(`Works once, for ${timeLeft(host.expiresAtMs, Date.now())}. It holds no key.`);
}

/** The QR, or a line that says why there is none. A terminal that breaks its lines shows nothing a camera can read. */
async function qrLines(text: string, { width, paint }: Page): Promise<readonly string[]> {
  const drawn = await drawQr(text, { type: "utf8", errorCorrectionLevel: "L", margin: 2 });
  const lines = drawn.split("\n").filter((line) => line !== "");
  const needed = Math.max(...lines.map(textWidth));
  return needed <= width
    ? lines.map((line) => paint(padText(line, needed), "paper"))
    : wrapText(`The QR needs ${needed} columns and this terminal has ${width}: paste the line.`, width);
}

async function countDown<T>({ output }: CommandContext, host: LinkingHost, waiting: Promise<T>): Promise<T> {
  const show = (): void => {
    const left = timeLeft(host.expiresAtMs, Date.now());
    output.live(`Works once, for ${left} more. It holds no key. Whoever scans it still needs you.`);
  };
  show();
  const timer = setInterval(show, COUNTDOWN_STEP_MS);
  try {
    return await waiting;
  } finally {
    clearInterval(timer);
    output.live(null);
  }
}

async function readDigits(
  { output, prompts }: CommandContext,
  deviceName: string,
): Promise<Result<string, CliError>> {
  const name = plainLine(deviceName);
  output.say(
    `A device that calls itself ${name} has answered. Type the 6 digits it shows, read from its screen.`,
  );
  output.say("One attempt. A wrong code ends this, and nothing is linked.");
  const typed = (await prompts.ask("6 digits: "))?.replace(/[\s-]/g, "") ?? "";
  if (CODE_PATTERN.test(typed)) return ok(typed);
  if (typed === "") return err({ type: "Cancelled" });
  return err({
    type: "Usage",
    message: "that is not 6 digits; nothing was linked",
    hint: "show a new code with `dovetail device link`",
  });
}

async function describeLinked(
  context: CommandContext,
  client: Client,
  linked: { readonly deviceId: string; readonly deviceName: string },
): Promise<Result<Outcome, CliError>> {
  const sent = await sendOff(context, client);
  if (!sent.ok) return sent;
  return ok({
    json: { linked, sync: sent.value },
    messages: [
      `${plainLine(linked.deviceName)} (${shortId(linked.deviceId)}) is linked. It fetches everything from the server by itself.`,
    ],
  });
}
