import { Argument, type Command } from 'commander';
import { type Gate, gates, readGates } from '../config/gates.ts';
import { print } from './output.ts';

export function addFeatureGate(program: Command): void {
  program
    .command('featuregate')
    .description('List the feature gates there are, or describe one.')
    .addArgument(new Argument('[id]').choices(gates.map(({ id }) => id)))
    .action((id?: string) => print(describeGates(gates, id)));
}

/** In the form of the Collector's command of the same name. */
export function describeGates(all: readonly Gate[], id?: string): string {
  const { enabled } = readGates([], all);
  const isEnabled = ({ id }: Gate) => (enabled as ReadonlySet<string>).has(id);
  const title = ({ stage }: Gate) => stage.charAt(0).toUpperCase() + stage.slice(1);
  const one = all.find((gate) => gate.id === id);
  if (one)
    return [
      `Feature: ${one.id}`,
      `Enabled: ${isEnabled(one)}`,
      `Stage: ${title(one)}`,
      `Description: ${one.description}`,
      `From Version: ${one.since}`,
      ...(one.until === undefined ? [] : [`To Version: ${one.until}`]),
      '',
    ].join('\n');
  const rows = all.map((gate) => [gate.id, String(isEnabled(gate)), title(gate), gate.description]);
  return table([['ID', 'Enabled', 'Stage', 'Description'], ...rows]);
}

function table(rows: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(width(column) + 2))).join('');
  return rows.map((row) => `${line(row)}\n`).join('');
}
