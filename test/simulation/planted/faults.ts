/**
 * Faults to plant, one at a time, to see that the worlds find them: a text of a source file and what stands in its place.
 *
 * A text must stand in its file exactly once; a list that no longer fits the code fails the build.
 */
export interface PlantedFault extends PlantedText {
  readonly name: string;
  /** Texts of other files: where one of several guards is enough, the fault is that none is there. */
  readonly elsewhere?: readonly PlantedText[];
  /** The story of planted/stories.ts that is played first. */
  readonly story: StoryName;
  /** It is there when the people of the story come to be there; the others are planted in worlds that began without. */
  readonly isAtBeginning?: true;
}

/** A text of a file and what stands in its place. */
export interface PlantedText {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** A second text of the same file. */
  readonly also?: { readonly find: string; readonly replace: string };
}

/** `late`, `log` and `schedules` are no worlds: envelopes out of order, the histories of a log, the schedules of one account. */
export type StoryName =
  | "calm"
  | "power"
  | "ways"
  | "server"
  | "devices"
  | "disks"
  | "deletes"
  | "rooms"
  | "room-week"
  | "copies"
  | "doubled"
  | "stolen"
  | "emptied"
  | "servers"
  | "liar"
  | "lost-rooms"
  | "room-devices"
  | "hostile"
  | "hostile-member"
  | "late"
  | "log"
  | "schedules";

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: "a nonce is used again in every seal",
    file: "core/crypto/seal.ts",
    find: "const nonce = random.bytes(AEAD_NONCE_BYTES);",
    replace: "const nonce = new Uint8Array(AEAD_NONCE_BYTES);",
    story: "calm",
  },
  {
    name: "a nonce is used again in the ratchet",
    file: "core/ratchet/encrypt-in-session.ts",
    find: "const nonce = random.bytes(MESSAGE_NONCE_BYTES);",
    replace: "const nonce = new Uint8Array(MESSAGE_NONCE_BYTES);",
    story: "calm",
  },
  {
    name: "the sending chain does not move on",
    file: "core/ratchet/encrypt-in-session.ts",
    find: "const chainKey = nextChainKey(sending.chainKey);",
    replace: "const chainKey = sending.chainKey.slice();",
    story: "calm",
  },
  {
    name: "the index of a sent message is off by one",
    file: "core/ratchet/encrypt-in-session.ts",
    find: "    index: sending.nextIndex,",
    replace: "    index: sending.nextIndex + 1,",
    story: "calm",
  },
  {
    name: "off by one in skipped keys",
    file: "core/ratchet/receiving-chain.ts",
    find: "for (let at = chain.nextIndex; at < index; at++) {",
    replace: "for (let at = chain.nextIndex; at < index - 1; at++) {",
    story: "late",
  },
  {
    name: "nothing is encrypted",
    file: "core/crypto/aead.ts",
    find: "return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key);",
    replace: "return new Uint8Array([...plaintext, ...new Uint8Array(16)]);",
    also: {
      find: "sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, ciphertext, aad, nonce, key),",
      replace: "ciphertext.slice(0, -16),",
    },
    story: "calm",
  },
  {
    name: "what was edited does not wake the sender",
    file: "core/client/engine.ts",
    find: "onOutgoing: () => sending.kickPush(),",
    replace: "onOutgoing: () => {},",
    story: "calm",
  },
  {
    name: "what was written does not wake the sender",
    file: "core/client/engine.ts",
    find: "onOutgoing: (contact) => sending.kickOutgoing(contact),",
    replace: "onOutgoing: () => {},",
    story: "calm",
  },
  {
    name: "a lost connection is not made again",
    file: "core/client/connection/connection.ts",
    find: "void connectAgain();\n  }",
    replace: "}",
    story: "calm",
  },
  {
    name: "what a device holds is told again for ever, though nothing of it has changed",
    file: "core/client/frontiers/frontiers.ts",
    find: "if (before !== undefined && isSame && isRecent) return ok(before);",
    replace: "",
    story: "ways",
  },
  {
    name: "an edit that a full disk refused is forgotten",
    file: "core/client/account-log/own-changes.ts",
    find: "untold.set(id, name);",
    replace: "",
    story: "disks",
  },
  {
    name: "changes of siblings are not journaled",
    file: "core/client/account-log/journal.ts",
    find: "writes: rows.map(([number, item]) => tables.journal.put([number], { ...item, ...seqs })),",
    replace: "writes: [],",
    story: "power",
  },
  {
    name: "only the first document of an entry is taken over",
    file: "core/client/account-log/log-intake.ts",
    find: 'for (const item of content.value.batch) if (item.type === "changes") accepted.push(item);',
    replace:
      'for (const item of content.value.batch.slice(0, 1)) if (item.type === "changes") accepted.push(item);',
    story: "calm",
  },
  {
    name: "an own change is forgotten before it is sealed",
    file: "core/client/account-log/own-changes.ts",
    find: "    for (const row of rows) outs.set(nextOut++, row);\n    context.onOutgoing();",
    replace: "    nextOut += rows.length;\n    context.onOutgoing();",
    story: "calm",
  },
  {
    name: "own entries are not known again",
    file: "core/client/account-log/log-intake.ts",
    find: "const own = sealed.find((one) => one.id === entry.id);",
    replace: "const own = sealed.find((one) => one.id !== entry.id);",
    story: "calm",
  },
  {
    name: "a device without prekeys holds up its siblings",
    file: "core/client/conversations/seal-for-contact.ts",
    find: "return areNone ? ok([]) : claimed;",
    replace: "return claimed;",
    story: "devices",
  },
  {
    name: "a message is forgotten once it is sealed",
    file: "core/client/conversations/outbox.ts",
    find: '      for (const [key, row] of group) changed.set(key, { ...row, state: "sealed" });\n    }',
    replace:
      '      for (const [key, row] of group) changed.set(key, { ...row, state: "sent" });\n    }\n    made.length = 0;',
    story: "calm",
  },
  {
    name: "a page of an inbound log is read from where it ends",
    file: "core/log/log-reader.ts",
    find: "    fresh.push({ ...entry, id });",
    replace: "    if (fresh.length < 1) fresh.push({ ...entry, id });",
    story: "ways",
  },
  {
    name: "the chain is not moved over an entry",
    file: "core/log/log-reader.ts",
    find: "chain = chainNext(chain, id);\n    seq = entry.seq;",
    replace: "if (seq % 5 !== 0) chain = chainNext(chain, id);\n    seq = entry.seq;",
    story: "calm",
  },
  {
    name: "writers of the account log are not told apart",
    file: "core/log/judge-writer.ts",
    find: "if (content.previous !== writer.expectedPrevious)",
    replace: "if (content.previous === writer.expectedPrevious)",
    story: "calm",
  },
  {
    name: "a document takes its last actor again",
    file: "core/document/document-loader.ts",
    find: "copyWithActor(document, toHex(deps.random.bytes(ACTOR_BYTES)))",
    replace: 'copyWithActor(document, "ab".repeat(ACTOR_BYTES))',
    story: "calm",
  },
  {
    name: "a document is told durable before it is stored",
    file: "core/document/document-loader.ts",
    find: "        await chunkStore.saveDoc(repoId, handle.doc());\n",
    replace: "",
    story: "power",
  },
  {
    name: "a commit is answered and undone",
    file: "sync-server/store/commit-queue.ts",
    find: "      commit.run();\n",
    replace: '      db.exec("ROLLBACK");\n',
    story: "calm",
  },
  {
    name: "entries that are there are placed again",
    file: "sync-server/store/decide-append.ts",
    find: "if (fields.writerSeq <= last) {",
    replace: "if (fields.writerSeq < 0) {",
    story: "log",
  },
  {
    name: "the counter of a writer is not compared",
    file: "sync-server/store/decide-append.ts",
    find: "if (fields.writerSeq !== last + 1 && !isGoingOn) return",
    replace: "if (fields.writerSeq < 0 && !isGoingOn) return",
    story: "log",
  },
  {
    name: "whoever has caught up hears nothing more",
    file: "sync-server/gateway/subscriptions.ts",
    find: '        subscription.state = "live";\n        metrics',
    replace: "        metrics",
    story: "calm",
  },
  {
    name: "a commit reaches the first who listens only",
    file: "sync-server/gateway/subscriptions.ts",
    find: "      subscribers += 1;\n",
    replace: "      subscribers += 1;\n      break;\n",
    story: "calm",
  },
  {
    name: "the disk of a device answers before it has written",
    file: "test/simulation/world/virtual-disk.ts",
    find: "        await written();\n        if (!power.isOn) return never;\n        if (disk.isFull) return {",
    replace:
      "        if (writes % 3 === 0) return { ok: true, value: undefined };\n        await written();\n        if (disk.isFull) return {",
    story: "power",
  },
  {
    name: "the network loses a frame and says nothing",
    file: "test/simulation/world/virtual-network.ts",
    find: "      else direction.waiting.shift()?.();",
    replace:
      "      else if (counts.frames % 40 !== 39) direction.waiting.shift()?.();\n      else counts.frames += Number(direction.waiting.shift() !== undefined);",
    story: "calm",
  },
  {
    name: "what was read of a contact is read again",
    file: "core/client/conversations/inbound.ts",
    find: "commit: () => readers.set(log.logId, after),",
    replace: "commit: () => {},",
    story: "calm",
  },
  {
    name: "heads of logs are not written with their entries",
    file: "sync-server/store/sqlite/sqlite-store.ts",
    find: "beforeCommit: () => heads.writeTouched(),",
    replace: "beforeCommit: () => {},",
    story: "server",
    isAtBeginning: true,
  },
  {
    name: "a commit is announced to nobody",
    file: "sync-server/store/sqlite/sqlite-store.ts",
    find: "    announced.push(event);\n",
    replace: "",
    story: "calm",
  },
  {
    name: "what could not be taken over is passed over",
    file: "core/client/connection/log-follower.ts",
    find: "if (!taken.ok) gateway.close();",
    replace: "",
    story: "disks",
  },
  {
    name: "what was deleted counts for nothing when it comes again",
    file: "core/client/deletion/deletion-state.ts",
    find: " || removed.has(id)",
    replace: "",
    story: "deletes",
  },
  {
    name: "a message that was taken back keeps its text",
    file: "core/client/conversations/op-store.ts",
    find: "draft.put(left, before === null, true);",
    replace: "if (before === null) draft.put(left, true, true);",
    story: "deletes",
  },
  {
    name: "deletions of others are not looked at",
    file: "core/client/conversations/conversations.ts",
    find: 'if (names.some(({ type }) => type === "deletions")) {',
    replace: 'if (names.some(({ type }) => type === "deletions") && names.length < 0) {',
    story: "deletes",
  },
  {
    name: "a letter in a room does not move its ratchet on",
    file: "core/group/group-message.ts",
    find: "return ok({ sealed, next: { ...group, ratchets: ratchet.put(newState.secretTree) } });",
    replace: "return ok({ sealed, next: group });",
    story: "rooms",
  },
  {
    name: "a revoked device stays in its rooms",
    file: "core/client/rooms/membership/room-plan.ts",
    find: "for (const { leafIndex } of revoked) draft.gone.add(leafIndex);",
    replace: "",
    story: "rooms",
  },
  {
    name: "the keys of a room stay when somebody is taken out",
    file: "core/client/rooms/membership/room-plan.ts",
    find: "const after = one.gone.size > 0 ? { ...agreed, keysSince: epoch + 1 } : agreed;",
    replace: "const after = agreed;",
    story: "rooms",
  },
  {
    name: "the keys of a leaf stay as they are",
    file: "core/client/rooms/membership/room-renewal.ts",
    find: "if (nowMs < dueMs) {",
    replace: "if (nowMs >= 0) {",
    story: "room-week",
  },
  {
    name: "a device that was set back says nothing of it",
    file: "core/client/account-log/push-entries.ts",
    find: 'context.raise({ type: "DeviceRolledBack", logId });',
    replace: "",
    story: "copies",
  },
  {
    name: "what was taken over past a cut is not handed on",
    file: "core/client/account-log/hand-on.ts",
    find: "for (let over = intake.overCut(); over !== null; over = intake.overCut()) {",
    replace: "for (let over = null as OverCut | null; over !== null; over = intake.overCut()) {",
    story: "stolen",
  },
  {
    name: "the server lets a revoked device in",
    file: "sync-server/gateway/sign-in-frames.ts",
    find: 'return device.value.isActive ? null : "revoked-device";',
    replace: "return null;",
    story: "stolen",
  },
  {
    name: "whoever comes back by the words throws the other devices out",
    file: "core/client/account/recover-account.ts",
    find: "const survivorIds = recovery.keepsDevices",
    replace: "const survivorIds = !recovery.keepsDevices",
    story: "emptied",
  },
  {
    name: "a profile that runs twice goes on as if it were the only one",
    file: "core/client/account-log/push-entries.ts",
    find: 'context.raise({ type: "DeviceRolledBack", logId });',
    replace: "",
    elsewhere: [
      {
        file: "core/client/conversations/outbox.ts",
        find: "if (!writer.ok || writerSeqAtServer <= writer.value.writerSeq) return writer;",
        replace: "return writer;",
      },
      {
        file: "core/client/frontiers/frontiers.ts",
        find: 'if (isLater) context.raise({ type: "DeviceRolledBack", logId: context.accountLogId });',
        replace: "",
      },
    ],
    story: "doubled",
  },
  {
    name: "logs of contacts are looked for on the own server",
    file: "core/client/connection/peer-links.ts",
    find: "const opened = await guests.open(origin, {",
    replace: "const opened = await guests.open(context.identity.origin, {",
    story: "servers",
  },
  {
    name: "prekeys of contacts are asked of the own server",
    file: "core/client/conversations/seal-for-contact.ts",
    find: "await context.directory(origin).claimPreKeys(contact, missing);",
    replace: "await context.directory(identity.origin).claimPreKeys(contact, missing);",
    story: "servers",
  },
  {
    name: "whose ops somebody sends is not looked at",
    file: "core/client/conversations/inbound.ts",
    find: 'if (!isTheirs) return passed("NotTheirOp");',
    replace: "",
    story: "hostile",
  },
  {
    name: "anybody takes a message back",
    file: "core/client/conversations/op-store.ts",
    find: "if (before.op.kind !== OP_KIND.message || !isSameAuthor(before, left)) return ok(false);",
    replace: "if (before.op.kind !== OP_KIND.message) return ok(false);",
    story: "hostile",
  },
  {
    name: "a mute in a room keeps everybody's words out",
    file: "core/client/rooms/reading/room-words.ts",
    find: "const mutedUntilMs = memberOf(now, member.accountId)?.mutedUntilMs ?? null;",
    replace:
      "const mutedUntilMs = now.members.find((one) => one.mutedUntilMs !== null)?.mutedUntilMs ?? null;",
    story: "rooms",
  },
  {
    name: "a lie about a contact's devices is put down to the own account",
    file: "core/client/engine.ts",
    find: 'if (!refreshed.ok && refreshed.error.type === "ChainDistrusted") raise(refreshed.error);',
    replace:
      'if (!refreshed.ok && refreshed.error.type === "ChainDistrusted") raise({ ...refreshed.error, accountId: identity.accountId });',
    story: "liar",
  },
  {
    name: "logs of rooms are not begun anew on a server that has lost them",
    file: "core/client/reseed/put-back.ts",
    find: "const rooms = begun.ok ? await engine.rooms.putBack(gateway.value, former) : begun;",
    replace: "const rooms = begun.ok ? ok(0) : begun;",
    story: "lost-rooms",
  },
  {
    name: "a device without a room's group does not ask to come back",
    file: "core/client/rooms/log/room-asking.ts",
    find: "const asked = await letters.sealRejoin(roomId, room);",
    replace: "const asked = ok();",
    story: "room-devices",
  },
  {
    name: "entries go that no snapshot covers",
    file: "sync-server/store/decide-trim.ts",
    find: "return isEndorsed ? newest.uptoSeq : (before?.uptoSeq ?? 0);",
    replace: "return isEndorsed ? newest.uptoSeq + 1 : newest.uptoSeq + 1;",
    story: "schedules",
  },
  {
    name: "a snapshot that names an erased bucket is followed by no other",
    file: "core/client/snapshot/snapshots.ts",
    find: "if (areBefore(now.value?.seq ?? 0) || packed.some(deps.isRetired)) return ok(true);",
    replace: "if (areBefore(now.value?.seq ?? 0)) return ok(true);",
    also: { find: "if (held.value.some(({ name }) => deps.isRetired(name))) return ok(false);", replace: "" },
    story: "schedules",
  },
  {
    name: "what a snapshot passes over of this device is not sealed again",
    file: "core/client/account-log/account-log.ts",
    find: "const dropped = sealed.all().filter((one) => to.passed.has(one.id));",
    replace: "const dropped = sealed.all().slice(0, 0);",
    story: "schedules",
  },
  {
    name: "an older snapshot than the one that is known passes for the newest",
    file: "core/client/snapshot/snapshots.ts",
    find: "known.value !== null && header.upto.seq < known.value.upto.seq;",
    replace: "known.value !== null && header.upto.seq < 0;",
    story: "schedules",
  },
  {
    name: "the bytes of a blob are not compared with its name",
    file: "core/client/snapshot/snapshot-source.ts",
    find: "if (blobId(bytes) !== wanted[index])",
    replace: "if (wanted[index] === undefined)",
    story: "schedules",
  },
  {
    name: "a log is entered without the snapshot it begins with",
    file: "core/client/snapshot/snapshot-loader.ts",
    find: "if (isDistrusted || channel.trimmedUpto > 0)",
    replace: "if (channel.trimmedUpto > 0)",
    also: {
      find: 'if (isAnotherThere) return distrust({ type: "SnapshotDistrusted", rule: "Withheld" });',
      replace: "",
    },
    story: "schedules",
  },
  {
    name: "a device that was set back goes on as if nothing were missing",
    file: "core/client/account-log/account-log.ts",
    find: "atServer > sealed.writerSeq() ? foundRolledBack(context, context.accountLogId) : ok(),",
    replace: "ok(),",
    also: {
      find: "return page.value.isForeign ? foundRolledBack(context, context.accountLogId) : takePage(page.value);",
      replace: "return takePage(page.value);",
    },
    elsewhere: [
      {
        file: "core/client/account-log/push-entries.ts",
        find: "if (channel.writerSeq > sealed.writerSeq()) return rolledBack();",
        replace: "",
        also: {
          find: '(result.code === "writer-seq" && (result.writerSeq ?? 0) >= (waiting[index]?.writerSeq ?? 0))',
          replace: "(context === null)",
        },
      },
    ],
    story: "schedules",
  },
  {
    name: "every member of a room takes out whom they like",
    file: "core/messenger/room/room-rules.ts",
    find: 'return gone.every(mayGo) ? null : "remove-account";',
    replace: "return null;",
    story: "hostile-member",
  },
  {
    name: "a letter in a room brings anybody's words",
    file: "core/client/rooms/reading/room-words.ts",
    find: "if (author !== member.accountId || device !== member.deviceId) continue;",
    replace: "",
    story: "hostile-member",
  },
];
