/** Why nothing was taken from a file, in words. */
import { type ClientError, type LineRule, type ProofFault, unreachable } from "@dovetail/core";
import { plainLine } from "../output/plain-text.ts";
import { type ErrorText, say } from "./error-words.ts";
import { EXIT } from "./exit-code.ts";

type ImportError = Extract<
  ClientError,
  {
    readonly type:
      | "NotAnExport"
      | "ExportVersionUnknown"
      | "BadExportLine"
      | "ExportCutOff"
      | "ExportTooLarge"
      | "ImportUnproven";
  }
>;

const NOTHING_DONE = "nothing was taken over";

const WORDS_BY_RULE: Readonly<Record<LineRule, string>> = {
  "too-long": "is too long",
  "not-json": "is no JSON",
  "not-an-object": "is no JSON object",
  missing: "is missing",
  "not-text": "is no text, or an empty one",
  "not-a-number": "is not the number it has to be",
  "not-yes-or-no": "is neither true nor false",
  "not-an-id": "is no id",
  "not-bytes": "is not what was exported",
  "not-an-address": "is no address of a server that may be asked",
  "not-a-known-word": "is none of the words that can stand there",
  "out-of-place": "stands in the wrong place",
  contradicts: "says something else than the message itself",
};

const WORDS_BY_PROOF: Readonly<Record<ProofFault, readonly [text: string, hint: string]>> = {
  "other-account": [
    "it is the export of another account",
    "messages come back only into the account that exported them; the file can be read as it is",
  ],
  "unknown-epoch": [
    "it was exported with keys this device has not got",
    "run `dovetail sync`, then try again",
  ],
  "device-left-since": [
    "it is from before a device was revoked, and that device could have made it",
    "what you have comes to new devices by linking; the file can be read as it is",
  ],
  "not-proven": [
    "nothing proves that a device of this account exported it so: it was changed, or put together",
    "take the file as it was exported",
  ],
};

/** `error` in words. */
export function describeImportError(error: ImportError): ErrorText {
  switch (error.type) {
    case "NotAnExport":
      return say(
        EXIT.usage,
        `that is no file of exported ${error.what}`,
        error.what === "contacts" ? "made by: dovetail contact export" : "made by: dovetail inbox export",
      );
    case "ExportVersionUnknown":
      return say(
        EXIT.usage,
        `the file is of version ${error.version}; this Dovetail reads ${error.versionMax}`,
        "update Dovetail",
      );
    case "BadExportLine": {
      const where = error.field === null ? "" : `, field ${plainLine(error.field)},`;
      return say(
        EXIT.usage,
        `line ${error.line}${where} ${WORDS_BY_RULE[error.rule]}; ${NOTHING_DONE}`,
        "mend the line, or export the file again",
      );
    }
    case "ExportCutOff":
      return say(
        EXIT.usage,
        `the file ends at line ${error.line} without its right last line; ${NOTHING_DONE}`,
        "it was cut off, or put together: export it again",
      );
    case "ExportTooLarge":
      return say(
        EXIT.usage,
        `the file has more than ${error.linesMax.toLocaleString("en")} lines; ${NOTHING_DONE}`,
        "split it, each part with a first and a last line of its own",
      );
    case "ImportUnproven": {
      const [text, hint] = WORDS_BY_PROOF[error.rule];
      return say(EXIT.distrusted, `line ${error.index + 1}: ${text}; ${NOTHING_DONE}`, hint);
    }
    default:
      return unreachable(error);
  }
}
