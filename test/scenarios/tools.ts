import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCgroup } from '../kernel/scheduler-fixture.ts';
import type { Scenario } from './scenario.ts';
import { behind, modest, mostOfCpu, untilFound } from './situations.ts';
import type { Stage } from './stage.ts';

/** Longer than a scenario, s. */
const lifetime = '60';
const forever = (command: string) => ['timeout', lifetime, 'sh', '-c', `while :; do ${command}; done`];

/** Loads of programs as people run them. */
export const tools: readonly Scenario[] = [
  {
    name: 'a loop of dd',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      stage.run(hog, forever('dd if=/dev/zero of=/dev/null bs=64k count=20000 status=none'));
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'a loop of forks',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      stage.run(hog, forever('/bin/true'));
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'a build',
    programs: ['make', 'cc'],
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      stage.run(hog, build(stage));
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'sysbench at a fixed rate beside stress-ng',
    programs: ['sysbench', 'stress-ng'],
    async play(stage) {
      const [victim, hog] = [stage.cgroup('sysbench'), stage.cgroup('stress-ng')];
      stage.run(victim, sysbenchAtRate);
      stage.run(hog, ['stress-ng', '--quiet', '--cpu', '1', '--timeout', lifetime]);
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'redis that answers a script now and then, beside sysbench',
    programs: ['redis-server', 'redis-cli', 'sysbench'],
    async play(stage) {
      const [victim, hog] = [stage.cgroup('redis'), stage.cgroup('sysbench')];
      const socket = startRedis(stage, victim);
      const script = 'local sum = 0 for n = 1, 100000 do sum = sum + n end return sum';
      const ask = `redis-cli -s ${socket} -r 100000 -i 0.006 eval "${script}" 0 > /dev/null`;
      stage.client(onceRedisAnswers(socket, ask));
      stage.run(hog, ['sysbench', 'cpu', '--threads=1', `--time=${lifetime}`, 'run']);
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'sysbench at a fixed rate beside redis under its benchmark',
    programs: ['redis-server', 'redis-cli', 'redis-benchmark', 'sysbench'],
    async play(stage) {
      const [victim, hog] = [stage.cgroup('sysbench'), stage.cgroup('redis')];
      stage.run(victim, sysbenchAtRate);
      const socket = startRedis(stage, hog);
      const load = `redis-benchmark -s ${socket} -q -c 20 -P 16 -n 100000000 -t lrange_600 > /dev/null`;
      stage.client(onceRedisAnswers(socket, load));
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'nginx that compresses for ab',
    programs: ['nginx', 'ab'],
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('nginx');
      const port = 20_000 + (process.pid % 10_000);
      stage.run(hog, nginx(stage, port));
      const load = `ab -q -k -c 8 -t ${lifetime} -n 100000000 -H 'Accept-Encoding: gzip' http://127.0.0.1:${port}/page`;
      stage.client(['timeout', lifetime, 'sh', '-c', `until ${load}; do sleep 0.02; done > /dev/null 2>&1`]);
      stage.requires(hog, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
];

/** Computes some 0.6 ms, three hundred times a second. */
const sysbenchAtRate = [
  ...['sysbench', 'cpu', '--threads=1', '--cpu-max-prime=8000'],
  ...['--rate=300', `--time=${lifetime}`, 'run'],
];

function startRedis(stage: Stage, cgroup: TestCgroup): string {
  const folder = stage.folder();
  const socket = join(folder, 'redis.sock');
  stage.run(cgroup, [
    ...['redis-server', '--port', '0', '--unixsocket', socket, '--dir', folder],
    ...['--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
  ]);
  return socket;
}

const onceRedisAnswers = (socket: string, command: string) => [
  ...['timeout', lifetime, 'sh', '-c'],
  `until redis-cli -s ${socket} ping > /dev/null 2>&1; do sleep 0.02; done; ${command}`,
];

function nginx(stage: Stage, port: number): readonly string[] {
  const folder = stage.folder();
  writeFileSync(join(folder, 'page'), Array.from({ length: 20_000 }, (_, n) => `line ${n * n}\n`).join(''));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder};`)
    .join(' ');
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events {}
http {
	access_log off; ${temporary}
	gzip on; gzip_types *; gzip_comp_level 6;
	server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  );
  return ['nginx', '-e', 'stderr', '-c', file];
}

/** Sources that make compiles again and again, two at a time. */
function build(stage: Stage): readonly string[] {
  const folder = stage.folder();
  const names = Array.from({ length: 6 }, (_, n) => `part-${n}`);
  for (const name of names)
    writeFileSync(
      join(folder, `${name}.c`),
      '#include <stdio.h>\n#include <stdlib.h>\nint f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); }\n',
    );
  writeFileSync(
    join(folder, 'Makefile'),
    `all: ${names.map((name) => `${name}.o`).join(' ')}\n%.o: %.c\n\tcc -O2 -c -o $@ $<\n`,
  );
  return forever(`make --silent --always-make --jobs=2 -C ${folder}`);
}
