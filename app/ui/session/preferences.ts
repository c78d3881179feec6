/** What a person chose for this browser alone: theme and letter keys. None of it is secret, so it lies in localStorage. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const THEME_KEY = "dovetail.theme";
const LETTERS_KEY = "dovetail.letter-keys";

export function themeOf(page: Window): Theme {
  const stored = read(page, THEME_KEY);
  return THEMES.find((one) => one === stored) ?? "system";
}

/** Stores `theme` and shows it. */
export function setTheme(page: Window, theme: Theme): void {
  write(page, THEME_KEY, theme);
  showTheme(page);
}

/** Puts the chosen theme on the page. */
export function showTheme(page: Window): void {
  const theme = themeOf(page);
  if (theme === "system") delete page.document.documentElement.dataset.theme;
  else page.document.documentElement.dataset.theme = theme;
}

export function hasLetterKeys(page: Window): boolean {
  return read(page, LETTERS_KEY) !== "off";
}

export function setLetterKeys(page: Window, areOn: boolean): void {
  write(page, LETTERS_KEY, areOn ? "on" : "off");
}

/** Forgets what was chosen, as a browser that never had an account. */
export function forgetPreferences(page: Window): void {
  try {
    page.localStorage.removeItem(THEME_KEY);
    page.localStorage.removeItem(LETTERS_KEY);
  } catch {
    // A browser that forbids storage has none of it.
  }
  showTheme(page);
}

function read(page: Window, key: string): string | null {
  try {
    return page.localStorage.getItem(key);
  } catch {
    return null; // A browser that forbids storage: the defaults hold.
  }
}

function write(page: Window, key: string, value: string): void {
  try {
    page.localStorage.setItem(key, value);
  } catch {
    // Kept for this visit only.
  }
}
