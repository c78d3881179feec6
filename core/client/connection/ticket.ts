/**
 * The ticket that contact links carry. Rule CO3.
 *
 * The first one follows from the account, so that every device shows the same link from the start. Each later one is
 * random and replaces the one before for all links at once. Runs within the serial.
 */
import { type Bytes, parseHex, toHex } from "../../base/bytes.ts";
import { ok, type Result } from "../../base/result.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import type { Documents } from "../../document/documents.ts";
import { SETTINGS, settingsSchema } from "../../document/schema/settings.ts";
import { setField } from "../../document/schema/state-field.ts";
import { TICKET_BYTES } from "../../protocol/client-frame.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";

export interface Ticket {
  current(): Promise<Result<Bytes, ClientError>>;
  /** Makes another; links handed out before lose theirs. */
  replace(): Promise<Result<void, ClientError>>;
}

export function createTicket(context: EngineContext, documents: Documents, log: AccountLog): Ticket {
  return {
    async current() {
      const settings = await documents.read(log.ref({ type: "settings" }), settingsSchema);
      if (!settings.ok) return settings;
      const stored = settings.value.ticket === null ? null : parseHex(settings.value.ticket);
      return ok(
        stored?.ok && stored.value.length === TICKET_BYTES
          ? stored.value
          : deriveKey(context.accountRoot, LABEL.ticketSecret).slice(0, TICKET_BYTES),
      );
    },
    replace: () =>
      log.edit({ type: "settings" }, (draft) =>
        setField(draft, SETTINGS.profile, "ticket", toHex(context.random.bytes(TICKET_BYTES))),
      ),
  };
}
