import type { Command } from 'commander';

/**
 * The arguments with the command's name before options that stand before it: `--config f validate` would be an argument
 * too many of the default command.
 */
export function commandFirst(program: Command, args: readonly string[]): readonly string[] {
  const options = program.commands.flatMap((command) => command.options);
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (!word.startsWith('-')) return [word, ...args.slice(0, at), ...args.slice(at + 1)];
    const option = options.find(({ long }) => long === word.split('=')[0]);
    if (option === undefined) return args;
    if (option.required && !word.includes('=')) at++;
  }
  return args;
}
