/** Everything that is fuzzed, cheap targets first. */
import type { FuzzTarget } from "./fuzz-target.ts";
import { ACCOUNT_TARGETS } from "./targets/account-targets.ts";
import { LOG_TARGETS } from "./targets/log-targets.ts";
import { MESSENGER_TARGETS } from "./targets/messenger-targets.ts";
import { ROOM_TARGETS } from "./targets/room-targets.ts";
import { FILE_TARGETS } from "./targets/file-targets.ts";
import { SERVER_TARGETS } from "./targets/server-targets.ts";
import { CODEC_TARGETS } from "./targets/codec-targets.ts";

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...CODEC_TARGETS,
  ...ACCOUNT_TARGETS,
  ...LOG_TARGETS,
  ...MESSENGER_TARGETS,
  ...ROOM_TARGETS,
  ...FILE_TARGETS,
  ...SERVER_TARGETS,
];
