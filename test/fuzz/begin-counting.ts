/** Loaded before everything else (`node --import`), so that every function of the program is counted by blocks. */
import { beginCounting } from "./coverage.ts";

beginCounting();
