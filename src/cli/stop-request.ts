import { isatty } from 'node:tty';

/** With SIGQUIT, as a second one ends the agent at once anyway: a core would be one of Node.js. */
const ending = ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const;
/** Node.js would open its debugger at the first, to every user of the machine, and end at the second. */
const ignored = ['SIGUSR1', 'SIGUSR2'] as const;

export interface Requested {
  /** At SIGHUP. */
  reload(): void;
  /** Whether it has nothing to do where standard output has no reader. */
  printsOnly(): boolean;
}

/** While nothing can be reloaded yet SIGHUP does not end the agent. The result stops it, and says whether there was one. */
export function holdHangUp(): () => boolean {
  let isHeld = false;
  const hold = () => {
    isHeld = true;
  };
  process.on('SIGHUP', hold);
  return () => {
    process.off('SIGHUP', hold);
    return isHeld;
  };
}

/** At Ctrl-C the terminal signals each process, and npm passes the signal on once more: for ms, both are one. */
const repeated = 500;

/** Resolves with the reason when the agent shall end in order; a second signal ends it at once. */
export function stopRequest({ reload, printsOnly }: Requested): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let first: { readonly reason: string; readonly at: number } | undefined;
  const stop = (reason: string) => {
    const at = performance.now();
    if (first?.reason === reason && at - first.at < repeated) return;
    if (first) process.exit(1);
    first = { reason, at };
    resolve(reason);
  };
  for (const signal of ending) process.on(signal, stop);
  for (const signal of ignored) process.on(signal, () => {});
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.on('SIGHUP', () => {
    // One that was hung up is no terminal any more: its user has left.
    if (terminals.some((fd) => !isatty(fd))) stop('the terminal is closed');
    else if (!first) reload();
  });
  // As in `earshot run | head`. All other errors are those of the exporter that prints.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE' && printsOnly()) resolve('standard output is closed');
  });
  // A log without a reader is no reason to end.
  process.stderr.on('error', () => {});
  return promise;
}
