/** As refused-writes: of a device that is linked, and in rooms. */
import { expect, test } from "vitest";
import { LINKING_STORIES } from "../crash/refused/linking-stories.ts";
import { ROOM_STORIES } from "../crash/refused/room-stories.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

test.each([...LINKING_STORIES, ...ROOM_STORIES])("$name", async ({ play }) => {
  const { broken, played } = await play(server.origin, false);
  expect(broken).toEqual([]);
  expect(played).toBeGreaterThan(1);
});
