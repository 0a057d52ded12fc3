import type { Machine } from '../../src/machine/machine.ts';

/** A machine with two CPUs; what is printed can be read back. */
export function fakeMachine() {
  const printed: string[] = [];
  const machine: Machine = {
    name: 'node1',
    cpus: 2,
    rootPath: '/',
    environment: {},
    terminal: { columns: undefined, hasColour: false, print: async (text) => void printed.push(text) },
    hostFile: (path) => path,
  };
  return { machine, printed };
}
