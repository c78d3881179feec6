/** Why a message was not sent, as it is said. */
import { expect, test } from "vitest";
import { describeFailure } from "../../../app/ui/words/failure-words.ts";
import { text } from "../../../app/ui/words/say.ts";

test("each cause of a message that was not sent has words of its own, and a closed conversation no second attempt", () => {
  const said = (["closed", "refused", "outside", "deleted", null] as const).map((failure) => {
    const { key, canSendAgain } = describeFailure(failure);
    return [text(key), canSendAgain];
  });
  expect(said).toEqual([
    ["Not sent: the other side closed this conversation. It is kept here.", false],
    ["Not sent: the server refused it. It is kept here.", true],
    ["Not sent: you were not in this room any more. It is kept here.", true],
    ["Kept here: their server says that their account was deleted", false],
    ["Not sent. It is kept here.", true],
  ]);
});
