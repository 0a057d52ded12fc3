import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { isLoad, type Load, type LoadName, loads } from './loads.ts';
import type { Trial } from './trial.ts';
import { isVariant, type VariantName } from './variants.ts';

/** Trials by variant of one round: measured one shortly after the other, so that they may be compared. */
export type Round = ReadonlyMap<VariantName, Trial>;

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly loads: readonly LoadName[];
  readonly variants: readonly VariantName[];
}

/** `--rounds 5 --seconds 3 --loads a,b --variants a,b` over the defaults. */
export function readPlan(defaults: Plan): Plan {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: String(defaults.rounds) },
      seconds: { type: 'string', default: String(defaults.seconds) },
      loads: { type: 'string', default: defaults.loads.join() },
      variants: { type: 'string', default: defaults.variants.join() },
    },
  });
  return {
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    loads: values.loads.split(',').map((name) => known(isLoad, name)),
    variants: values.variants.split(',').map((name) => known(isVariant, name)),
  };
}

function positive(name: string, text: string): number {
  if (!(Number(text) > 0)) throw new Error(`cannot read --${name} ${text}: it must be a number above 0`);
  return Number(text);
}

function known<Name extends string>(isKnown: (name: string) => name is Name, name: string): Name {
  if (!isKnown(name)) throw new Error(`cannot read the arguments: there is no ${name}`);
  return name;
}

const trialScript = fileURLToPath(new URL('./trial.ts', import.meta.url));
const runFile = promisify(execFile);

/** Runs the rounds of one load, each trial in a process of its own, the order turned by one each round. */
export async function runRounds(plan: Plan, load: LoadName, statistics: boolean): Promise<readonly Round[]> {
  const { surround }: Load = loads[load];
  const remove = await surround?.();
  try {
    return await runAll(plan, load, statistics);
  } finally {
    await remove?.();
  }
}

async function runAll(plan: Plan, load: LoadName, statistics: boolean): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let i = 0; i < plan.rounds; i++) {
    const round = new Map<VariantName, Trial>();
    for (let k = 0; k < plan.variants.length; k++) {
      const variant = plan.variants[(i + k) % plan.variants.length];
      if (variant === undefined) continue;
      const mode = statistics ? ['statistics'] : [];
      const { stdout } = await runFile(process.execPath, [
        trialScript,
        variant,
        load,
        String(plan.seconds),
        ...mode,
      ]);
      round.set(variant, JSON.parse(stdout) as Trial);
    }
    rounds.push(round);
    process.stderr.write(`${load}: round ${i + 1} of ${plan.rounds}\n`);
  }
  return rounds;
}

export interface Setting {
  readonly date: string;
  readonly machine: string;
  readonly kernel: string;
}

export const setting: Setting = {
  date: new Date().toISOString(),
  machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`,
  kernel: release(),
};

/** Keeps every trial beside where and when it was measured. */
export function keepRaw(
  question: string,
  plan: Plan,
  rounds: ReadonlyMap<LoadName, readonly Round[]>,
): string {
  const trials = [...rounds.values()].flat().map((round) => [...round.values()]);
  return keepResult(question, { plan, rounds: trials });
}

/** Keeps a result beside where and when it was measured; returns the file's path. */
export function keepResult(question: string, result: object): string {
  const directory = fileURLToPath(new URL('../build/bench/results/', import.meta.url));
  const file = `${directory}${question}-${setting.date.replaceAll(':', '')}.json`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ question, setting, ...result }, undefined, 1)}\n`);
  return file;
}
