export interface Replaceable<Connection> {
  /** What is begun on a connection ends on it. */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>;
  /** From now on this one is used; the former is closed when nothing uses it any more. */
  replace(next: Connection): void;
  close(): void;
}

/** A connection in whose place another may be put while requests are under way. */
export function replaceable<Connection extends { close(): void }>(
  first: Connection,
): Replaceable<Connection> {
  let current = { connection: first, uses: 0 };
  return {
    async use(work) {
      const mine = current;
      mine.uses += 1;
      try {
        return await work(mine.connection);
      } finally {
        mine.uses -= 1;
        if (mine !== current && mine.uses === 0) mine.connection.close();
      }
    },
    replace(next) {
      const former = current;
      current = { connection: next, uses: 0 };
      if (former.uses === 0) former.connection.close();
    },
    close: () => current.connection.close(),
  };
}
