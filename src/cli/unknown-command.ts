import type { Command } from 'commander';
import { didYouMean } from '../config/rules/did-you-mean.ts';

/** Else its name would be an argument too many of the default command. */
export function refuseUnknownCommand(program: Command, word: string | undefined): void {
  if (word === undefined || word.startsWith('-')) return;
  const commands = [...program.commands.map((command) => command.name()), 'help'];
  if (commands.includes(word)) return;
  const isOption = program.options.some(({ long }) => long === `--${word}`);
  const remedy = isOption
    ? ` (did you mean "--${word}"?)`
    : didYouMean(word, commands) || ` (known: ${commands.join(', ')})`;
  program.error(`error: unknown command "${word}"${remedy}`);
}
