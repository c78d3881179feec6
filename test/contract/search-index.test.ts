import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { createFts5Index } from "../../core/messenger/search/fts5-index.ts";
import { good } from "../support/client-world.ts";
import { vectorSet } from "../support/vector-set.ts";
import { describeSearchIndex } from "./search-index.ts";

/** Where the list is on this machine. */
const naughty = vectorSet("blns")?.json("blns.json");

describeSearchIndex(
  "node:sqlite",
  () => good(createFts5Index(openSearchDatabase())),
  Array.isArray(naughty) ? naughty.map(String) : [],
);
