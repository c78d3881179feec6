/** `accounts delete`, `accounts release-handle`: what an operator does to accounts, named by what their owners tell. */
import { parseId } from "@dovetail/core/base/ids.ts";
import { isHandle } from "../directory/account-directory.ts";
import { askPerson, askServer, EXIT, fail, failRefused, print, type ServerCommand } from "./command.ts";

const CONFIRM_CHARS = 8;

export const deleteAccountCommand: ServerCommand = {
  name: "accounts delete",
  usage: "ACCOUNT-ID [--yes]",
  help: "delete an account with all that is kept for it; there is no way back",
  options: { yes: false },
  positionals: 1,
  async run(context) {
    const { commandLine, config } = context;
    const parsed = parseId("account", commandLine.positionals[0] ?? "");
    if (!parsed.ok)
      return fail(
        "an account is named by its id, 64 hexadecimal digits",
        "its owner sees it: dovetail account show",
        EXIT.usage,
      );
    const start = parsed.value.slice(0, CONFIRM_CHARS);
    if (!commandLine.own.has("yes")) {
      const typed = await askPerson(
        `Logs, keys, handle and snapshots of ${start}… are erased here and cannot be brought back.\nType ${start} to delete: `,
      );
      if (typed === null)
        return fail(
          "this cannot be undone and asks first",
          "give --yes to delete without a terminal",
          EXIT.usage,
        );
      if (typed !== start) return fail("not deleted", "type the start of the id as it is shown");
    }
    const answer = await askServer(context, { type: "deleteAccount", accountId: parsed.value });
    if (answer === null) return EXIT.failed;
    if (answer.type === "refused" && answer.reason === "unknown")
      return fail("there is no such account here", "compare the id with the one its owner sees");
    if (answer.type !== "done") return failRefused(answer);
    print(
      config.isJson
        ? JSON.stringify({ deleted: parsed.value })
        : "Deleted and erased. Its id and handle stay taken; backups made before still hold it.",
    );
    return EXIT.ok;
  },
};

export const releaseHandleCommand: ServerCommand = {
  name: "accounts release-handle",
  usage: "HANDLE",
  help: "let the handle of a deleted account be registered again",
  options: {},
  positionals: 1,
  async run(context) {
    const handle = context.commandLine.positionals[0] ?? "";
    if (!isHandle(handle)) return fail("that cannot be a handle", "2 to 32 of a-z 0-9 . _ -", EXIT.usage);
    const answer = await askServer(context, { type: "releaseHandle", handle });
    if (answer === null) return EXIT.failed;
    if (answer.type === "refused" && answer.reason === "unknown")
      return fail("no deleted account had this handle", "it may be free already, or in use");
    if (answer.type !== "done") return failRefused(answer);
    print(context.config.isJson ? JSON.stringify({ released: handle }) : `@${handle} is free again.`);
    return EXIT.ok;
  },
};
