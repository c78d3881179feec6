/** Exit codes of the command line. Scripts rely on them: a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  serverUnreachable: 3,
  refused: 4,
  notFound: 5,
  conflict: 6,
  distrusted: 7,
  deviceLost: 8,
  storage: 9,
  /** The profile is locked, and no passphrase or a wrong one was given. */
  locked: 10,
  /** Something is not on every device yet. */
  incomplete: 11,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
