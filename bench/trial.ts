/**
 * One trial in a process of its own: attaches a variant, runs a load, prints what the kernel counted as JSON.
 *
 *   bench/trial.ts VARIANT LOAD SECONDS [statistics]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadNative, type Native, type NativeObject } from '../src/bpf/native.ts';
import { isLoad, type LoadName, loads } from './loads.ts';
import { isVariant, type Variant, type VariantName, variants } from './variants.ts';

export interface Trial {
  readonly variant: VariantName;
  readonly load: LoadName;
  readonly seconds: number;
  /** What the load printed: so many of its rounds a second. */
  readonly rate: number;
  readonly programs: readonly ProgramCost[];
}

export interface ProgramCost {
  readonly name: string;
  readonly ns: number;
  readonly runs: number;
}

async function runTrial(variantName: VariantName, loadName: LoadName, seconds: number, statistics: boolean) {
  const variant: Variant | undefined = variants[variantName];
  const native = loadNative();
  const objects: NativeObject[] = [];
  const watched: Native = { ...native, open: (path, options) => keep(objects, native.open(path, options)) };
  const attached = variant?.open(watched);
  const consumer = variant?.consumerOf ? await startConsumer(variant.consumerOf) : undefined;
  const token = statistics ? native.enableStatistics() : undefined;
  const ticking = setInterval(() => attached?.tick(), 1000);
  const load = loads[loadName].start(seconds);
  try {
    const rate = Number(await outputOf(load.command));
    const programs = objects.flatMap((object) =>
      native
        .programs(object)
        .map(({ name, runTimeNs, runCount }) => ({ name, ns: Number(runTimeNs), runs: Number(runCount) })),
    );
    const trial: Trial = { variant: variantName, load: loadName, seconds, rate, programs };
    return trial;
  } finally {
    load.release();
    clearInterval(ticking);
    if (token !== undefined) native.disableStatistics(token);
    consumer?.stdin.end();
    for (const object of objects) native.close(object);
  }
}

function keep(objects: NativeObject[], object: NativeObject): NativeObject {
  objects.push(object);
  return object;
}

async function outputOf([command = '', ...rest]: readonly string[]): Promise<string> {
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`cannot run the load: ${command} ended with ${status}`);
  return text;
}

async function startConsumer(map: string) {
  const program = fileURLToPath(new URL('../build/bench/ring_consumer', import.meta.url));
  const child = spawn(program, [map], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(createInterface(child.stdout), 'line');
  return child;
}

const [variant = '', load = '', seconds = '', statistics] = process.argv.slice(2);
if (!isVariant(variant) || !isLoad(load) || !(Number(seconds) > 0))
  throw new Error(`cannot run the trial: ${variant} ${load} ${seconds}: no such variant, load or time`);
console.log(JSON.stringify(await runTrial(variant, load, Number(seconds), statistics === 'statistics')));
