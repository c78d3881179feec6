/** The sentences about files of contacts, in English; part of `EN`. */
export const EN_CONTACTS_FILE = {
  contactsTitle: "Contacts",
  contactsNote:
    "Everybody you know, with your names and notes for them, in one JSON file in clear. No keys and no messages are in it. The command line reads and writes the same: dovetail contact import FILE.",
  contactsGo: "Save contacts as file",
  contactsSaved: { one: "{count} contact saved.", other: "{count} contacts saved." },
  contactsFile: "File of contacts",
  contactsFileNote: "Nothing is changed before you have seen what the file would do.",
  contactsTooLarge: "The file has {size}; one of contacts has at most {max}. Nothing was read.",
  contactsTake: "What the file would do",
  contactsSum: "{fresh} new, {changed} completed, {unchanged} as before.",
  contactsAsksNobody:
    "Nobody is asked anything by this. Whom you want to write to, ask under People. What you call and note about somebody here stands.",
  contactsUnproven: {
    one: "{count} is verified by the file’s word alone: not verified here. Compare numbers.",
    other: "{count} are verified by the file’s word alone: not verified here. Compare numbers.",
  },
  contactsNothing: "There is nothing in it that is not here.",
  contactsTakeGo: "Take them over",
  contactsTaking: {
    one: "Taking over {count} contact",
    other: "Taking over {count} contacts",
  },
  contactsTaken: { one: "{count} contact taken over.", other: "{count} contacts taken over." },
  contactNew: "New, not asked yet",
  contactNewBlocked: "New, blocked",
  contactChanged: "Completed",
  contactUnchanged: "As it was",
  contactSelf: "You; left out",
  contactMore: { one: "and {count} more", other: "and {count} more" },
  stateKnown: "Not asked yet",
  knownNote:
    "{name} came from a file and knows nothing of you yet. Ask, and they see it as a request until they accept.",
};
