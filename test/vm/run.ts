/**
 * The tests of the scheduler programs, and of the agent on a Kubernetes node's cgroups, on other kernels: Debian's, in
 * virtual machines.
 *
 *   test/vm/run.ts [5.10 6.1 6.1-rt … newest] [--tests=layout] [--record]    all kernels listed below unless some are named
 *   test/vm/run.ts --arch=arm64 [6.1 6.12]                                    the same programs, cross-built, on arm64
 *
 * `--tests` takes names of `guest.ts`, separated by commas.
 * `--record` writes the verifier's counts into verifier-counts.json instead of comparing them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DebianApt } from './debian-apt.ts';
import { DebianKernels, type Kernel } from './debian-kernels.ts';
import { buildInitramfs } from './initramfs.ts';
import { arm64, type Platform, x64 } from './platform.ts';
import { formatTable } from './table.ts';
import { failuresOf, judge, judgeAttempts, type Verdict, type VerifierCounts } from './verdict.ts';
import { boot } from './vm.ts';

const allSeries = [
  ...['5.10', '6.1', '6.12', '6.16', '6.17', '6.18', '6.19', 'newest'],
  ...['5.10-rt', '6.1-rt', '6.12-rt'], // PREEMPT_RT
];
/** From 5.18 on programs can be attached to tracepoints by their types there. */
const arm64Series = ['6.1', '6.12'];
const machinesAtOnce = Math.min(4, availableParallelism());
const countsFile = new URL('./verifier-counts.json', import.meta.url);

const records = process.argv.includes('--record');
const isArm64 = process.argv.includes('--arch=arm64');
const tests = process.argv.find((argument) => argument.startsWith('--tests='))?.slice('--tests='.length);
const named = process.argv
  .slice(2)
  .filter((argument) => !['--record', '--arch=arm64'].includes(argument) && !argument.startsWith('--tests='));
const unknown = named.filter((name) => !/^(\d+\.\d+(-rt)?|newest)$/.test(name));
if (unknown.length > 0 || process.arch !== 'x64' || (records && isArm64)) {
  const reason =
    unknown.length > 0
      ? `${unknown.join(', ')} is no kernel such as 6.1`
      : records && isArm64
        ? 'verifier counts are those of x86-64'
        : 'this is not x86-64';
  console.error(`cannot test kernels: ${reason}`);
  process.exit(1);
}

const recorded: VerifierCounts = JSON.parse(readFileSync(countsFile, 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'earshot-kernels-'));
try {
  const verdicts = await testKernels();
  console.log(`\n${formatTable(verdicts)}\n`);
  for (const verdict of verdicts) {
    const { series, skipped, notes } = verdict;
    for (const skip of skipped) console.log(`${series}: skipped: ${skip}`);
    for (const note of notes) console.log(`${series}: ${note}`);
    for (const failure of failuresOf(verdict)) console.error(`${series}: failed: ${failure}`);
  }
  if (records) record(verdicts);
  if (verdicts.some((verdict) => failuresOf(verdict).length > 0)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

interface Machine {
  readonly initramfs: string;
  readonly platform: Platform;
}

/** In the order they were asked for; machines take the next kernel as they become free. */
async function testKernels(): Promise<readonly Verdict[]> {
  const apt = new DebianApt(isArm64 ? 'arm64' : 'amd64');
  const debian = new DebianKernels(apt);
  const platform = isArm64 ? arm64(apt) : x64;
  const wanted = named.length > 0 ? named : isArm64 ? arm64Series : allSeries;
  const series = [...new Set(wanted.map((name) => (name === 'newest' ? debian.newest() : name)))];
  const machine: Machine = { initramfs: buildInitramfs(folder, platform), platform };
  const verdicts: Verdict[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < series.length; i = next++)
      verdicts[i] = await testKernel(debian, series[i] ?? '', machine);
  };
  await Promise.all(Array.from({ length: machinesAtOnce }, work));
  return verdicts;
}

async function testKernel(debian: DebianKernels, series: string, machine: Machine): Promise<Verdict> {
  try {
    const kernel = debian.fetch(series);
    console.log(`${series}: booting ${kernel.version}`);
    return await judgeAttempts((suites) => attempt(kernel, machine, suites?.join(',') ?? tests));
  } catch (error) {
    const nothing = {
      records: [{ kind: 'error', text: (error as Error).message }, { kind: 'end' }],
    } as const;
    return judge(
      { series, version: '-' },
      { ...nothing, console: '', seconds: 0, obstacle: undefined },
      recorded,
    );
  }
}

async function attempt(kernel: Kernel, machine: Machine, tests: string | undefined): Promise<Verdict> {
  const { series } = kernel;
  const run = await boot(kernel.image, { ...machine, folder: mkdtempSync(join(folder, 'machine-')), tests });
  const verdict = judge(kernel, run, records || isArm64 ? undefined : recorded);
  console.log(
    `${series}: ${verdict.passed.length} passed, ${verdict.failed.length} failed, ${run.seconds.toFixed(0)} s`,
  );
  if (run.obstacle || verdict.passed.length + verdict.failed.length === 0)
    console.error(`${series}: the console's end:\n${run.console}\n`);
  return verdict;
}

function record(verdicts: readonly Verdict[]): void {
  const counts: Record<string, Readonly<Record<string, number>>> = { ...recorded };
  for (const { series, verified } of verdicts)
    if (Object.keys(verified).length > 0) counts[series] = verified;
  const sorted = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  writeFileSync(countsFile, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  console.log('the verifier counts are recorded');
}
