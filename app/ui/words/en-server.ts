/** The sentences about a server that lost what it had, and about another one, in English; part of `EN`. */
export const EN_SERVER = {
  truthLostAccount: "The server does not know this account",
  truthLostEntries: "The server has less than it had",
  stripLostAccount: "The server lost this account. Everything is still here, and you can keep writing.",
  stripLostEntries: "The server was set back. Everything is still here, and you can keep writing.",
  stripElsewhere:
    "This account lives on {server} now, and a page of {own} cannot reach it. Open the page there and link this browser anew.",
  putBackSee: "See what to do",
  putBackTitle: "Put the account back",
  putBackText:
    "{server} gets everything again that this browser holds: your list of devices, your history, and the logs your contacts write to. It is sealed, as it was.",
  putBackNote:
    "Once is enough: your other devices go on by themselves, and contacts send again what had not arrived. Requests nobody has read, which only the server had, are gone. To make another server the home of the account use the command line: dovetail server move URL.",
  putBackGo: "Put it back",
  puttingBack: "Putting the account back",
  puttingBackPart: "Putting the account back: {done} of {total}",
  putBackDone: {
    one: "The account is on {server} again: one log begun anew.",
    other: "The account is on {server} again: {count} logs begun anew.",
  },
  putBackNothing: "{server} has everything this browser has read. Nothing was to be put back.",
  putBackDoneNote: "Devices shows which of your devices have followed.",
  alarmPutBack: "Restore from my devices",
};
