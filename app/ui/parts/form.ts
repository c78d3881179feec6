/** Reading what was typed into a form. */

/** The text fields of the form that `event` submits, by name; one that is not there is empty. */
export function fieldsOf<Name extends string>(
  event: SubmitEvent,
  names: readonly Name[],
): Readonly<Record<Name, string>> {
  const data =
    event.currentTarget instanceof HTMLFormElement ? new FormData(event.currentTarget) : new FormData();
  const entries = names.map((name) => {
    const value = data.get(name);
    return [name, typeof value === "string" ? value : ""] as const;
  });
  return Object.fromEntries(entries) as Record<Name, string>;
}

/** Words as they are written down: on lines, with capitals. */
export function oneLine(words: string): string {
  return words.trim().toLowerCase().split(/\s+/).join(" ");
}
