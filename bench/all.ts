/** Asks what Earshot costs, or the questions named first: `bench/all.ts [cost] [slowdown] [reading] [lines] [floor] [delivery] [--options]`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const unlessNamed = ['cost', 'slowdown'];
const questions = [...unlessNamed, 'reading', 'lines', 'floor', 'delivery'];
const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith('--'));
const named = firstOption < 0 ? words : words.slice(0, firstOption);
const options = firstOption < 0 ? [] : words.slice(firstOption);

for (const question of named.length > 0 ? named : unlessNamed) {
  if (!questions.includes(question))
    throw new Error(`cannot run ${question}: there are ${questions.join(', ')}`);
  const script = fileURLToPath(new URL(`${question}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...options], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
