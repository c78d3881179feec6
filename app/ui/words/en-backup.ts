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
  backupWhere:
    "It is put back on the command line: dovetail backup restore FILE. To look it through without changing anything: dovetail backup verify FILE.",
};
