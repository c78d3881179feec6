import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { createFts5Index } from "../../core/messenger/search/fts5-index.ts";
import { good } from "../support/client-world.ts";
import { describeSearchIndex } from "./search-index.ts";

describeSearchIndex("node:sqlite", () => good(createFts5Index(openSearchDatabase())));
