/** Numbers as options. */
import { InvalidArgumentError } from "commander";

/** Takes a whole number from 1 to `max`. */
export function parseCount(max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= 1 && number <= max) return number;
    throw new InvalidArgumentError(`It is a whole number from 1 to ${max.toLocaleString("en")}.`);
  };
}
