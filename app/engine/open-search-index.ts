/** The search index of the engine's worker. What it is made of is loaded at the first search. */
import { createFts5Index, err, type Result, type SearchFault, type SearchIndex } from "@dovetail/core";

/** An empty index. - Fails: `SearchUnavailable` where the browser cannot load or start it; the next search tries again. */
export async function openSearchIndex(): Promise<Result<SearchIndex, SearchFault>> {
  try {
    const { loadSqlite, openSearchDatabase } = await import("../platform/search-database.ts");
    return createFts5Index(openSearchDatabase(await loadSqlite()));
  } catch (thrown) {
    return err({ type: "SearchUnavailable", detail: thrown instanceof Error ? thrown.name : "unknown" });
  }
}
