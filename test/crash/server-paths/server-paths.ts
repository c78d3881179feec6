/** All that a server does in many writes, by name. */
import { COMMAND_PATHS } from "./command-paths.ts";
import type { ServerPath } from "./kill-each-write.ts";
import { STORE_PATHS } from "./store-paths.ts";

/** Each made anew for each time it is played. */
export const SERVER_PATHS: readonly (() => ServerPath)[] = [...COMMAND_PATHS, ...STORE_PATHS];
