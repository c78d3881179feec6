/** Errors of the page's engine in words: the client's, and those of the lock and the browser. */
import type { LinkingError } from "@dovetail/core";
import type { EngineError } from "../../engine/engine.ts";
import type { ErrorWords } from "./en-errors.ts";
import { describeError } from "./error-words.ts";
import { text } from "./say.ts";

const PASSKEY_WORDS = {
  unsupported: "passkeyUnavailable",
  dismissed: "passkeyDismissed",
  "no-key": "passkeyNoKey",
  wrong: "passkeyWrong",
} as const;

export function describeEngineError(error: EngineError | LinkingError): ErrorWords {
  switch (error.type) {
    case "WrongPassphrase":
      return { text: text("wrongPassphrase") };
    case "PassphraseEmpty":
      return { text: text("passphraseEmpty") };
    case "PassphraseTooLong":
      return { text: text("passphraseTooLong", { max: error.sizeBytesMax }) };
    case "PassphraseNotText":
      return { text: text("passphraseNotText") };
    case "StoreKeyDamaged":
      return { text: text("storeKeyDamaged"), hint: text("relink") };
    case "StoreKeyTooNew":
      return { text: text("storeKeyTooNew"), hint: text("reload") };
    case "WrongState":
      return { text: text("wrongState", { state: error.state }), hint: text("reload") };
    case "NotProtected":
      return { text: text("notProtected") };
    case "PasskeyUnavailable":
      return { text: text(PASSKEY_WORDS[error.why]) };
    case "AccountElsewhere": {
      const server = new URL(error.origin).host;
      return {
        text: text("linkElsewhere", { server, own: location.host }),
        hint: text("linkElsewhereHint", { server }),
      };
    }
    case "EngineUnavailable":
      return {
        text: text("engineUnavailable", { detail: error.detail }),
        hint: text("engineUnavailableHint"),
      };
    default:
      return describeError(error);
  }
}
