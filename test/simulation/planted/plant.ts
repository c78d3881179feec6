/**
 * Loaded before everything else of a process (`node --import`): plants the fault that `DOVETAIL_PLANTED` names, by changing
 * the text of one file while it is loaded. No switch for a fault is in the product.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PLANTED_FAULTS, type PlantedFault, type PlantedText } from "./faults.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** All texts of a fault: each of a file of its own. */
export function textsOf(fault: PlantedFault): readonly PlantedText[] {
  return [fault, ...(fault.elsewhere ?? [])];
}

/** The file's text with the fault in it. - Fails: throws unless each text is there exactly once. */
export function plantIn(fault: PlantedText, source: string): string {
  return [fault, ...(fault.also === undefined ? [] : [fault.also])].reduce((text, { find, replace }) => {
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`"${find}": its text is in ${fault.file} ${count} times`);
    return text.replace(find, () => replace);
  }, source);
}

/** The file of a fault as it is. */
export function sourceOf(fault: PlantedText): string {
  return readFileSync(join(ROOT, fault.file), "utf8");
}

const wanted = process.env.DOVETAIL_PLANTED;
const chosen = PLANTED_FAULTS.find(({ name }) => name === wanted);
if (wanted !== undefined && chosen === undefined) throw new Error(`there is no fault "${wanted}"`);
if (chosen !== undefined) {
  const sources = new Map(
    textsOf(chosen).map((text) => [pathToFileURL(join(ROOT, text.file)).href, plantIn(text, sourceOf(text))]),
  );
  registerHooks({
    load(asked, context, next) {
      const source = sources.get(asked);
      return source === undefined
        ? next(asked, context)
        : { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
