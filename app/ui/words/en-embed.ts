/** The sentences of a frame in a page of another site, in English; part of `EN`. */
export const EN_EMBED = {
  embedTitle: "Write here with Dovetail",
  embedNote:
    "What you write is sealed in this frame. The page around it reads none of it. What is kept here is a device of its own, which this browser may erase sooner than that of a page you open.",
  embedEvicted:
    "This browser erased what this frame kept. What was unsent is gone; the rest comes back when you link it.",
  embedCreate: "Create an account",
  embedLink: "Link this frame to my account",
  embedRecover: "I have no device left",
  embedRecoverNote:
    "Come back in Dovetail itself, then link this frame from there. Your recovery key belongs in no page of another site.",
  embedWordsNote:
    "Only this frame has the account, and this browser may erase it. With these words you open it in Dovetail itself, and come back.",
  embedLater: "Later",
  embedOpen: "Open Dovetail itself",
  embedElsewhere: "In Dovetail itself",
  embedElsewhereNote:
    "This is not done in a frame: the page around it could lie over it. Open Dovetail in a tab of its own, on a device of this account.",
  embedRefusedNote:
    "This browser lets a frame in a page of another site keep nothing, as in most private windows. Without keys of its own nobody can write in it.",
  embedAsk: "Write to {name}?",
  embedAskBy: "The page of {site} names an account on {server}.",
  embedAskNamed: "The page around this frame names an account on {server}.",
  embedAskNote:
    "Whose it is, only they can prove: compare numbers when you meet. They are sent your name and what you write here.",
  embedGreeting: "First message",
  embedGreetingNote: "It can stay empty.",
  embedAskGo: "Ask them",
  embedNobody: "The page around this frame names nobody: what it gives is no contact link and no handle.",
  embedSelf: "The page around this frame names you.",
} as const;
