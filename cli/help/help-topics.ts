/** What `dovetail help TOPIC` explains: things that belong to no single command. */
import { EXIT, type ExitCode } from "../errors/exit-code.ts";

/** A page of a few sections. A row is a thing and what it means; a paragraph is one string. */
export interface HelpTopic {
  readonly title: string;
  readonly sections: readonly HelpSection[];
}

export interface HelpSection {
  readonly title: string;
  readonly paragraphs?: readonly string[];
  readonly rows?: readonly (readonly [term: string, meaning: string])[];
}

/** What each exit code means. A code without its words does not compile. */
export const EXIT_WORDS: Readonly<Record<ExitCode, string>> = {
  [EXIT.ok]: "done, or kept here for later",
  [EXIT.failure]: "failed, or cancelled",
  [EXIT.usage]: "wrong usage, or an answer is needed and no terminal is there",
  [EXIT.serverUnreachable]: "the server cannot be reached",
  [EXIT.refused]: "the server refused",
  [EXIT.notFound]: "not found: contact, tag, device, profile",
  [EXIT.conflict]: "taken, in conflict, or in use",
  [EXIT.distrusted]: "trust alarm: something contradicts what was seen before",
  [EXIT.deviceLost]: "this device is revoked, or its profile was rolled back",
  [EXIT.storage]: "storage",
  [EXIT.locked]: "the profile is locked",
  [EXIT.incomplete]: "something is not on every device of yours yet (sync --verify)",
  [EXIT.interrupted]: "interrupted",
};

const EXIT_ROWS = Object.entries(EXIT_WORDS).map(([code, words]) => [code, words] as const);

export const FILES_SECTION: HelpSection = {
  title: "Files",
  paragraphs: [
    "Profiles are in $DOVETAIL_HOME, or in the data folder of this user. At rest they are protected by file permissions, and by a passphrase where one is set: dovetail lock set",
  ],
};

export const ENVIRONMENT_SECTION: HelpSection = {
  title: "Environment",
  rows: [
    ["DOVETAIL_HOME", "the folder profiles are in"],
    ["DOVETAIL_PROFILE", "which profile, where --profile is not given"],
    ["DOVETAIL_PASSPHRASE", "unlocks the profile; --passphrase-fd is safer"],
    ["DOVETAIL_BACKUP_PASSPHRASE", "of a backup; --backup-passphrase-fd is safer"],
    ["DOVETAIL_NEW_PASSPHRASE", "for dovetail lock set"],
    ["DOVETAIL_LOG", "as --log: operational lines on standard error"],
    ["NO_COLOR, FORCE_COLOR", "colour never, or always"],
    ["COLUMNS", "the width of the page"],
  ],
};

export const EXIT_SECTION: HelpSection = { title: "Exit codes", rows: EXIT_ROWS };

/** The topics by name. No command has one of these names. */
export const HELP_TOPICS: Readonly<Record<string, HelpTopic>> = {
  search: {
    title: "what dovetail inbox search understands",
    sections: [
      {
        title: "Words",
        rows: [
          ["lunch today", "both words; case and accents do not count"],
          ["lunch OR dinner", "one of them; parentheses group"],
          ['"good morning"', "the words one after the other"],
          ["meet*", "words that begin so"],
          ["-monday", "messages without it; also before a phrase, a group or a filter"],
        ],
      },
      {
        title: "Filters",
        rows: [
          ["in:NAME", "in the conversation with somebody"],
          ["from:NAME, from:me", "written by somebody, or by you"],
          ["tag:NAME", "in conversations under a tag"],
          ["has:link", "with the address of a page"],
          ["after:DATE, before:DATE", "from a day on; before a day"],
        ],
      },
      {
        title: "Dates and names",
        paragraphs: [
          'A date is 2026, 2026-03, 2026-03-31, today, yesterday, 7d, 2w, 3m or 1y. It holds for the whole search. A name with spaces is quoted: from:"Ben Adler"',
          "The shell takes quotation marks away: put the whole search between single ones.",
          "What is not understood is an error. Text with a colon is quoted to be searched for as it is.",
        ],
      },
    ],
  },
  "exit-codes": { title: "what a command ends with", sections: [EXIT_SECTION] },
  environment: {
    title: "variables that are read, and files",
    sections: [ENVIRONMENT_SECTION, FILES_SECTION],
  },
  output: {
    title: "where words go, and output for programs",
    sections: [
      {
        title: "Streams",
        paragraphs: [
          "Data goes to standard output, everything said about it to standard error. Without a terminal nothing is asked, nothing is coloured and no line is cut.",
          "Names and texts of other people are printed with control characters, escape sequences, direction overrides and invisible characters written out, as \\x1b or \\u{202e}.",
        ],
      },
      {
        title: "With --json",
        paragraphs: [
          "Standard output carries one object on one line; streams carry one object a line. An error is one object on standard error, with its type, message, hint and exitCode.",
        ],
      },
    ],
  },
  names: {
    title: "how contacts, devices and tags are named",
    sections: [
      {
        title: "Names",
        paragraphs: [
          "A contact is named by the name you gave, the name they gave themselves, their handle, or the start of their id, four characters or more. The start of a name is enough where it fits one only.",
          "A name you gave wins over one somebody took. What fits two is refused with both named.",
          "A message is named by the start of its id, as inbox show prints it, or by last.",
        ],
      },
    ],
  },
};
