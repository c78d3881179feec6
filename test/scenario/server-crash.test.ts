/** The server is killed again and again in the middle of its work. What it acknowledged must be there; nothing may be there twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { type Author, checkAuthor, createAuthor, writeUntilCut } from "../support/killed-authors.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const KILLS = 20;
const WRITERS = 4;

const folder = createTemporaryFolder();
beforeAll(cryptoReady);
afterAll(folder.discard);

test(`[LG15] ${KILLS} times kill -9 under load: nothing acknowledged is lost, no seq is used twice, every chain holds`, {
  timeout: 300_000,
}, async () => {
  let server = await startServer(folder.path, ["--rate-factor", "1000"]);
  const authors: Author[] = [];
  for (let i = 0; i < WRITERS; i++) {
    authors.push(await createAuthor(server.origin, `crash ${i}`));
  }
  for (let round = 0; round < KILLS; round++) {
    const running = server;
    const works = authors.map((author) => writeUntilCut(running.origin, author));
    await new Promise((resolve) => setTimeout(resolve, 30 + ((round * 37) % 170)));
    await running.kill();
    await Promise.all(works);
    server = await startServer(folder.path, ["--rate-factor", "1000"]);
    for (const author of authors) await checkAuthor(server.origin, author);
  }
  expect(authors.reduce((sum, { receipts }) => sum + receipts.size, 0)).toBeGreaterThan(KILLS * WRITERS);
  expect(
    authors.reduce((sum, { duplicates }) => sum + duplicates, 0),
    "some answers were lost after their commit",
  ).toBeGreaterThan(0);
  expect(await server.stop()).toBe(0);
});
