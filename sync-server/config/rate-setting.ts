/** Rates per address by name: `register=5/60000` is a burst of 5, then one more every 60 seconds. */
import { RATE, type Rate, type RateName } from "../limits.ts";
import type { Setting } from "./setting.ts";

/** Rates that differ from their first values. */
export type RateChanges = ReadonlyMap<RateName, Rate>;

/** The setting that takes several of them. */
export function rateList(described: {
  readonly name: string;
  readonly help: string;
  readonly first: RateChanges;
}): Setting<RateChanges> {
  return {
    ...described,
    placeholder: "NAME=BURST/MS",
    isList: true,
    wants: `NAME=BURST/MILLISECONDS, where NAME is one of ${Object.keys(RATE).join(", ")}`,
    parse(texts) {
      const changes = texts.map(parseRate);
      return changes.every((change) => change !== null) ? new Map(changes) : null;
    },
    show: (changes) =>
      changes.size === 0
        ? "first values"
        : [...changes].map(([name, { burst, refillMs }]) => `${name}=${burst}/${refillMs}`).join(", "),
  };
}

function parseRate(text: string): readonly [RateName, Rate] | null {
  const [, name, burst, refillMs] = /^([A-Za-z]+)=(\d{1,7})\/(\d{1,9})$/.exec(text) ?? [];
  const known = rateNames().find((each) => each === name);
  if (known === undefined || Number(burst) < 1 || Number(refillMs) < 1) return null;
  return [known, { burst: Number(burst), refillMs: Number(refillMs) }];
}

function rateNames(): readonly RateName[] {
  const names: Readonly<Record<RateName, true>> = {
    register: true,
    appendLink: true,
    readChain: true,
    claimPreKeys: true,
    claimKeyPackages: true,
    handle: true,
    rendezvousCreate: true,
    rendezvousUse: true,
    signIn: true,
    admittedAppend: true,
  };
  return Object.keys(RATE).filter((name): name is RateName => Object.hasOwn(names, name));
}
