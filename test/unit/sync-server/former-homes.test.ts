import { beforeAll, expect, test } from "vitest";
import { ok } from "../../../core/base/result.ts";
import { parseServerOrigin } from "../../../core/base/server-origin.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { hasLivedAt } from "../../../sync-server/directory/former-homes.ts";
import { createWorld, moveHome, must, rotate, stateOf } from "../../support/chain-world.ts";

beforeAll(cryptoReady);

const PAGE_LINKS = 2;

test("[GW12] an account has lived where a link of its chain says, and who asks pays for every page that is read", async () => {
  const world = createWorld("moved");
  moveHome(world, "https://second.example");
  for (let i = 0; i < 2 * PAGE_LINKS; i++) rotate(world);
  moveHome(world, "https://third.example");
  const { accountId } = stateOf(world);
  const readPages: number[] = [];
  const ask = (origin: string, pagesPaid = Number.POSITIVE_INFINITY) => {
    readPages.length = 0;
    let left = pagesPaid;
    const store = {
      async readChain(_: unknown, after: number) {
        readPages.push(after);
        const links = world.links.slice(after, after + PAGE_LINKS);
        return ok({ links, headSeq: world.links.length });
      },
    };
    return hasLivedAt({ store, mayRead: () => left-- > 0 }, accountId, must(parseServerOrigin(origin)));
  };
  expect(await ask("https://second.example")).toEqual(ok(true));
  expect(readPages).toEqual([0]);
  expect(await ask("https://third.example")).toEqual(ok(true));
  expect(await ask("https://nobody.example")).toEqual(ok(false));
  expect(readPages).toEqual([0, 2, 4, 6]);
  expect(await ask("https://nobody.example", 2)).toMatchObject({ error: { code: "rate-limited" } });
  expect(readPages).toEqual([0, 2]);
});
