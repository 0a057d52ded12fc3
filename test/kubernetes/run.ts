/**
 * A real Kubernetes node on this machine, with the agent deployed on it as users deploy it.
 *
 *   test/kubernetes/run.ts [--containerd 1] [--containerd 2]    the tests with each of them, with both unless one is named
 *   test/kubernetes/run.ts up [--containerd 2]                  leaves a node running, to look at
 *   test/kubernetes/run.ts down                                 takes down what is left of any run
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { collectorBinary } from '../lab/collector.ts';
import { bringUp, stateFolder } from './node.ts';
import { type ContainerdMajor, containerRuntime, kubernetesBinary } from './peers.ts';
import { takeDownLeftover } from './take-down.ts';

const tests = globSync(fileURLToPath(new URL('./*.test.ts', import.meta.url))).sort();
const timeLimit = '--test-timeout=600000';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { containerd: { type: 'string', multiple: true, default: [] } },
});
const [verb = 'test'] = positionals;
const unknown = values.containerd.filter((major) => major !== '1' && major !== '2');
if (unknown.length > 0) throw new Error(`cannot use containerd ${unknown.join(', ')}: there are 1 and 2`);
const majors = (values.containerd.length > 0 ? values.containerd : ['1', '2']) as readonly ContainerdMajor[];

if (verb === 'down') await takeDownLeftover(stateFolder);
else if (verb === 'up') {
  const node = await bringUp(majors[0] ?? '1');
  console.log(`export KUBECONFIG=${node.kubeconfig} PATH=${node.state}/bin:$PATH`);
} else if (verb === 'test') await test();
else throw new Error(`cannot ${verb}: there are test, up and down`);

async function test(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('cannot bring up a node: it needs root');
  let child: ReturnType<typeof spawn> | undefined;
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      isStopped = true;
      process.exitCode = 1;
      child?.kill(signal);
    });
  // the first time that takes longer than a test may
  kubernetesBinary();
  collectorBinary();
  for (const major of majors) containerRuntime(major);
  for (const major of majors) {
    if (isStopped) break;
    console.log(`\ncontainerd ${major}`);
    child = spawn(process.execPath, ['--test', timeLimit, '--test-concurrency=1', ...tests], {
      stdio: 'inherit',
      env: { ...process.env, EARSHOT_TEST_CONTAINERD: major },
    });
    const [code] = await once(child, 'exit');
    await takeDownLeftover(stateFolder); // a test that was killed has not
    if (code !== 0) process.exitCode = 1;
  }
}
