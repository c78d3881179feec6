/** The sentences about backups, in English; part of `EN`. */
export const EN_BACKUP = {
  backupTitle: "Backup",
  backupNote:
    "All of your account in one sealed file: messages, people, rooms, tags. No keys of your devices are in it.",
  backupGo: "Make a backup",
  backupUnder: "What opens it",
  backupByPassphrase: "A passphrase of its own",
  backupByWords: "My recovery words",
  backupPassphrase: "Passphrase of the backup",
  backupPassphraseNote: "Nobody can bring it back.",
  backupWords: "Recovery words",
  backupWordsNote: "24 words, in their order. They are not kept.",
  backingUp: "Writing {done} of {total} documents",
  backupDone: "The backup is in your downloads: {size}.",
  backupDoneNote:
    "Restoring makes a new device, which needs your 24 recovery words too. Keep both, apart from each other.",
  backupWhere: "It is brought back here, on the first screen of an empty browser, or on the command line.",

  firstRunRestore: "I have a backup",
  firstRunRestoreNote: "Come back with its file and your recovery key.",
  restoreTitle: "Bring a backup back",
  restoreOpen: "Bring a backup back",
  restoreNote:
    "This browser becomes a device of the account again, by its 24 recovery words, and gets what the server has. What only the backup has comes from its file.",
  restoreFile: "File of the backup",
  restoreFileNote: "It stays in this browser: it is read here and sent nowhere.",
  restoreCheck: "Read it through",
  restoreChecking: "Read {done} of {total}",
  restoreFound: "{name}, {time}: {documents} documents with {ops} entries, all of them whole.",
  restoreElsewhere:
    "When this backup was made, the account was on {server}. It comes back here only if it has moved to {own} since; else open the page of {server}.",
  restoreGo: "Bring it back",
  restoreAdds:
    "Nothing that is here is undone, and nothing you deleted comes back. What is missing comes, on all your devices.",
  restoring: "Brought back {done} of {total}",
  restoreHalf: "The account is in this browser. The backup is not in it yet.",
  restoreLater: "Later, in Settings",
  restoreDone: {
    one: "The backup is in the account and goes to all your devices: one document.",
    other: "The backup is in the account and goes to all your devices: {count} documents.",
  },
  fileUnreadable: "The browser does not give this file.",
  fileUnreadableHint: "It may have been moved or changed since. Choose it again.",
};
