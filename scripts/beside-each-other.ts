export type Write = (text: string) => void;

/** Runs tasks beside each other. Each one's texts stay together, in the order of the tasks, as early as that allows. */
export async function runBesideEachOther(
  tasks: readonly ((write: Write) => Promise<unknown>)[],
  write: Write,
): Promise<void> {
  const waiting = tasks.map((): string[] => []);
  const hasEnded = new Set<number>();
  let current = 0;
  const end = (task: number) => {
    hasEnded.add(task);
    while (hasEnded.has(current)) for (const text of waiting[++current] ?? []) write(text);
  };
  await Promise.all(
    tasks.map(async (task, i) => {
      try {
        await task((text) => (i === current ? write(text) : waiting[i]?.push(text)));
      } finally {
        end(i);
      }
    }),
  );
}
