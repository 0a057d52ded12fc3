export type Write = (text: string) => void;

/**
 * Runs tasks beside each other. Each one's texts stay together, in the order of the tasks, as early as that allows. Throws
 * the first error when all tasks have ended.
 */
export async function runBesideEachOther(
  tasks: readonly ((write: Write) => Promise<unknown>)[],
  write: Write,
): Promise<void> {
  const waiting = tasks.map((): string[] => []);
  const ended = new Set<number>();
  let current = 0;
  const end = (task: number) => {
    ended.add(task);
    while (ended.has(current)) for (const text of waiting[++current] ?? []) write(text);
  };
  const outcomes = await Promise.allSettled(
    tasks.map(async (task, i) => {
      try {
        await task((text) => (i === current ? write(text) : waiting[i]?.push(text)));
      } finally {
        end(i);
      }
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
