/** A server is killed at each write of what takes it many; `npm run crash -- paths` cuts each transaction in more places. */
import { beforeAll, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { killAtEachWrite } from "../crash/server-paths/kill-each-write.ts";
import { SERVER_PATHS } from "../crash/server-paths/server-paths.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

beforeAll(cryptoReady);

test.each(SERVER_PATHS.map((make) => [make().name, make] as const))(
  "%s: killed at each write it is wholly done or wholly not, and comes through when it is asked for again",
  { timeout: 240_000 },
  async (_, make) => {
    const folder = createTemporaryFolder();
    const { states, broken } = await killAtEachWrite(folder.path, make(), { isLong: false });
    expect(broken).toEqual([]);
    expect(states).toBeGreaterThan(3);
    folder.discard();
  },
);
