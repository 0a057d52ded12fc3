/** Resolves with the reason when the agent shall end in order; a second signal ends it at once. */
export function stopRequest(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (isStopping) process.exit(1);
      isStopping = true;
      resolve(signal);
    });
  // Its reader is gone, as in `earshot run | head`.
  process.stdout.on('error', () => resolve('standard output is closed'));
  // A log without a reader is no reason to end.
  process.stderr.on('error', () => {});
  return promise;
}
