/** The sentences about a server that lost what it had, and about another one, in English; part of `EN`. */
export const EN_SERVER = {
  truthDeleted: "This account was deleted",
  truthDeletedNote: "What is here stays here",
  stripDeleted:
    "Another device of yours deleted this account from its server. Nothing is sent or comes any more. What this browser holds it keeps.",
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
    "Once is enough: your other devices go on by themselves, and contacts send again what had not arrived. Requests nobody has read, which only the server had, are gone.",
  putBackGo: "Put it back",
  puttingBack: "Putting the account back",
  puttingBackPart: "Putting the account back: {done} of {total}",
  putBackDone: {
    one: "The account is on {server} again: one log begun anew.",
    other: "The account is on {server} again: {count} logs begun anew.",
  },
  putBackNothing: "{server} has everything this browser has read. Nothing was to be put back.",
  putBackDoneNote: "Devices shows which of your devices have followed.",
  moveTitle: "Move to another server",
  moveOpen: "Move to another server",
  moveText: "The account leaves {server}, with everything in it, and goes on at a server you name.",
  moveAddress: "Address of the new server",
  moveAddressNote: "It is asked who it is. Nothing changes yet.",
  moveNoAddress: "That is no address of a server. It looks like https://chat.example.org.",
  moveIsHome: "The account is on {server} already.",
  moveLook: "Look at it",
  moveLooking: "Asking the server who it is",
  moveReady: "{server} answers, and speaks the same protocol.",
  moveBrings: "This browser brings your list of devices and your history to {server}, sealed as they are.",
  moveDevices: {
    one: "Your other device follows by itself, now or when it is next online.",
    other: "Your {count} other devices follow by themselves, now or when they are next online.",
  },
  moveContacts: "Your contacts are told, and write to you at {server} from then on.",
  moveLeaves: "What {own} has of the account stays there, sealed, and is used no more.",
  movePage:
    "This page goes on coming from {own}. Afterwards open the page of {server}, link that browser, and revoke this one.",
  moveGo: "Move to {server}",
  moving: "Moving to {server}",
  movingPart: "Moving to {server}: {done} of {total}",
  moveDone: {
    one: "The account lives on {server} now: one log begun anew.",
    other: "The account lives on {server} now: {count} logs begun anew.",
  },
  moveAgain: "Nothing is lost, and what was done is not done twice: you can try again.",
  moveHandleTaken: "Somebody at {server} has the handle {handle}. Nothing was changed.",
  moveHandle: "Another handle, for {server}",
  moveHandleNote: "Your contacts keep the name they gave you and the number they compared.",
  moveFromElsewhere:
    "The account lives on {server}, and this page comes from {own}. Only a page of {server} can move it on, or the command line: dovetail server move URL.",
  serverFormerPage:
    "This page still comes from {own}. Open the page of {server}, link that browser here, then revoke this one.",
  alarmPutBack: "Restore from my devices",
};
