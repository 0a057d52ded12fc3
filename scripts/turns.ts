export interface Turn {
  write(text: string): void;
  end(): void;
}

/** For tasks that run beside each other: each one's texts together, in the order of the tasks, as soon as may be. */
export function takeTurns(count: number, write: (text: string) => void): readonly Turn[] {
  const waiting: string[][] = Array.from({ length: count }, () => []);
  const hasEnded = new Set<number>();
  let current = 0;
  return waiting.map((texts, i) => ({
    write(text) {
      if (i === current) write(text);
      else texts.push(text);
    },
    end() {
      hasEnded.add(i);
      while (hasEnded.has(current)) for (const text of waiting[++current] ?? []) write(text);
    },
  }));
}
