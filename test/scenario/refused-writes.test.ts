/**
 * A disk that refuses a write of what a device does, or all from one on: nothing is lost, doubled, half done or stuck, whether it goes on or is
 * cut off. Some writes, each in one way; `npm run crash -- refused` takes all in all ways.
 */
import { expect, test } from "vitest";
import { ACCOUNT_STORIES } from "../crash/refused/account-stories.ts";
import { CONTACT_STORIES } from "../crash/refused/contact-stories.ts";
import { HISTORY_STORIES } from "../crash/refused/history-stories.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

test.each([...CONTACT_STORIES, ...ACCOUNT_STORIES, ...HISTORY_STORIES])("$name", async ({ play }) => {
  const { broken, played } = await play(server.origin, false);
  expect(broken).toEqual([]);
  expect(played).toBeGreaterThan(1);
});
