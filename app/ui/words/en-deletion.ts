/** The sentences about deleting messages, in English; part of `EN`. */
export const EN_DELETION = {
  deleteIt: "Delete",
  deleteMessageTitle: "Delete this message?",
  deleteForMe: "Delete for me",
  deleteForMeNote:
    "It goes from all your devices and your server, and cannot be brought back. The other side keeps it.",
  deleteForMeNoteRoom:
    "It goes from all your devices and your server, and cannot be brought back. The others keep it.",
  redactIt: "Take back for everyone",
  redactNote:
    "It goes from your devices and theirs. What they have read, copied or saved elsewhere stays with them, and a device of theirs that never connects again keeps it.",
  redactedNow: "Taken back. {name} loses it when their devices next connect.",
  redactedNowRoom: "Taken back. The others lose it when their devices next connect.",
  deletedNow: {
    one: "{count} message deleted. Your other devices follow when they next connect.",
    other: "{count} messages deleted. Your other devices follow when they next connect.",
  },
  deletingMessages: { one: "Deleting {count} message", other: "Deleting {count} messages" },
  deleteThread: "Delete the conversation",
  deleteThreadAsk: {
    one: "Delete the whole conversation with {name}, {count} message?",
    other: "Delete the whole conversation with {name}, {count} messages?",
  },
  deleteThreadAskRoom: {
    one: "Delete all that is written in {name}, {count} message?",
    other: "Delete all that is written in {name}, {count} messages?",
  },
  deleteThreadNote:
    "It goes from all your devices and your server, and cannot be brought back. The other side keeps it. {name} stays among your people, and what comes later is shown.",
  deleteThreadNoteRoom:
    "It goes from all your devices and your server, and cannot be brought back. The others keep it. You stay in {name}, and what comes later is shown.",
  deleteThreadGo: { one: "Delete {count} message", other: "Delete {count} messages" },
  keyDelete: "Delete the message, take an item off a list",
};
