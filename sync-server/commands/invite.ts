/** `invite`, `invite list`, `invite revoke`: who may make an account on a closed server. */
import { parseDuration } from "../config/duration.ts";
import { invitationLink } from "../directory/invitation.ts";
import { INVITATION_TTL_MS_MAX, INVITATION_USES_MAX } from "../limits.ts";
import type { OperatorAnswer } from "../operator/operator-request.ts";
import { askServer, EXIT, fail, failRefused, print, type ServerCommand } from "./command.ts";
import { printQr } from "./print-qr.ts";
import { showTime } from "./show-time.ts";

const FIRST_TTL = "7d";

type Invited = Extract<OperatorAnswer, { readonly type: "invited" }>;

export const inviteCommand: ServerCommand = {
  name: "invite",
  usage: "[--uses N] [--expires 7d]",
  help: "make an invitation and show it, once",
  options: { uses: true, expires: true },
  positionals: 0,
  async run(context) {
    const { config, commandLine } = context;
    const uses = Number(commandLine.own.get("uses")?.at(-1) ?? "1");
    const ttlMs = parseDuration(commandLine.own.get("expires")?.at(-1) ?? FIRST_TTL);
    if (!Number.isSafeInteger(uses) || uses < 1 || uses > INVITATION_USES_MAX)
      return fail(`--uses is a number from 1 to ${INVITATION_USES_MAX}`, "as --uses 5", EXIT.usage);
    if (ttlMs === null || ttlMs < 1 || ttlMs > INVITATION_TTL_MS_MAX)
      return fail("--expires is a time of at most 366 days", "as --expires 7d, 12h or 30m", EXIT.usage);
    const answer = await askServer(context, { type: "invite", uses, ttlMs });
    if (answer === null) return EXIT.failed;
    if (answer.type !== "invited") return failRefused(answer);
    const origin = answer.origin ?? config.server.origins[0] ?? null;
    await printInvitation({ ...answer, origin }, config.isJson, uses);
    // A server that runs may have been started with other settings than this command has.
    if (answer.origin === null && config.server.isRegistrationOpen && !config.isJson)
      print("This server is open: whoever comes needs no invitation.");
    return EXIT.ok;
  },
};

/** Shows an invitation: text, link, and on a terminal a QR code of the link. */
export async function printInvitation(
  {
    number,
    invitation,
    expiresAtMs,
    origin,
  }: Pick<Invited, "number" | "invitation" | "expiresAtMs" | "origin">,
  isJson: boolean,
  uses: number,
): Promise<void> {
  const link = origin === null ? null : invitationLink(origin, invitation);
  if (isJson) {
    print(JSON.stringify({ event: "invitation", number, invitation, link, uses, expiresAtMs }));
    return;
  }
  print(
    `Invitation ${number}, for ${uses === 1 ? "one account" : `${uses} accounts`}, until ${showTime(expiresAtMs)}:`,
  );
  print("");
  print(`  ${invitation}`);
  print("");
  if (link !== null) {
    print(`  ${link}`);
    await printQr(link);
  }
  print(`  dovetail account create --server ${origin ?? "https://HOST"} --invitation ${invitation}`);
  print("");
  print("It is shown this once: the server keeps only its hash.");
}

export const listInvitationsCommand: ServerCommand = {
  name: "invite list",
  usage: "",
  help: "invitations that still let somebody in",
  options: {},
  positionals: 0,
  async run(context) {
    const answer = await askServer(context, { type: "listInvitations" });
    if (answer === null) return EXIT.failed;
    if (answer.type !== "invitations") return failRefused(answer);
    if (context.config.isJson) print(JSON.stringify({ invitations: answer.invitations }));
    else if (answer.invitations.length === 0) print("No invitations. Make one: dovetail server invite");
    else
      for (const { number, usesLeft, usesMax, expiresAtMs } of answer.invitations)
        print(
          `${String(number).padStart(4)}  ${usesLeft} of ${usesMax} left, until ${showTime(expiresAtMs)}`,
        );
    return EXIT.ok;
  },
};

export const revokeInvitationCommand: ServerCommand = {
  name: "invite revoke",
  usage: "NUMBER",
  help: "take an invitation back",
  options: {},
  positionals: 1,
  async run(context) {
    const number = Number(context.commandLine.positionals[0] ?? "");
    if (!Number.isSafeInteger(number) || number < 1)
      return fail("the invitation is named by its number", "dovetail server invite list", EXIT.usage);
    const answer = await askServer(context, { type: "revokeInvitation", number });
    if (answer === null) return EXIT.failed;
    if (answer.type === "refused" && answer.reason === "unknown")
      return fail(`there is no invitation ${number}`, "dovetail server invite list");
    if (answer.type !== "done") return failRefused(answer);
    print(
      context.config.isJson
        ? JSON.stringify({ revoked: number })
        : `Invitation ${number} lets nobody in any more.`,
    );
    return EXIT.ok;
  },
};
