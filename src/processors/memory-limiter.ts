import type { Static } from 'typebox';
import { readOwnMemory } from '../cgroup/own-memory.ts';
import {
  type ConfigProblem,
  type Failure,
  type Host,
  type Processor,
  type ProcessorComponent,
  type Running,
  type ServiceHost,
  serviceRef,
} from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import { collectGarbage } from '../machine/collect-garbage.ts';
import { counter, type Emits } from '../telemetry/emits.ts';
import { type Bytes, bytes } from '../telemetry/units.ts';

const percentage = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description }));
const mebibytes = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 1_048_576, description }));

const memoryLimiterConfig = Type.Object(
  {
    check_interval: duration({
      default: '1s',
      minimum: '10ms',
      description: 'How often the resident memory of the agent is measured.',
    }),
    limit_mib: mebibytes(
      'The hard limit, of all resident memory, as in `otelcol_process_memory_rss`: what an idle agent takes counts too. Goes before `limit_percentage`.',
    ),
    spike_limit_mib: mebibytes(
      'How much may be added between two measurements: the soft limit is so far below the hard one. Default: a fifth of the limit.',
    ),
    limit_percentage: percentage(
      'The hard limit, of the memory that the cgroup of the agent may take; where no limit can be seen, of that of the machine: a container that has the cgroups of the host mounted needs `limit_mib`.',
    ),
    spike_limit_percentage: percentage('As `spike_limit_mib`, of the same memory.'),
    min_gc_interval_when_soft_limited: duration({
      default: '10s',
      description: 'Above the soft limit garbage is collected at most so often.',
    }),
    min_gc_interval_when_hard_limited: duration({
      default: '0s',
      description: 'Above the hard limit garbage is collected at most so often; 0: at each measurement.',
    }),
  },
  { additionalProperties: false },
);
type Config = Static<typeof memoryLimiterConfig>;

const memoryLimiterCounters = {
  collections: counter({
    name: 'earshot.agent.memory_limiter.collections',
    unit: '{collection}',
    meaning: 'Collections of garbage that a processor `memory_limiter` asked for.',
    isLoss: false,
  }),
} as const;

const memoryLimiterEmits: Emits = { counters: Object.values(memoryLimiterCounters) };

/** As the Collector's; but what is limited is all resident memory, as the kernel limits it, not the heap. */
export const memoryLimiter: ProcessorComponent<typeof memoryLimiterConfig> = {
  kind: 'processor',
  type: 'memory_limiter',
  summary:
    'Refuses data while the agent takes too much memory, and collects garbage. What a receiver pulled is lost then, counted with the reason `memory_limit`; senders over OTLP are told to send again.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: memoryLimiterConfig,
  emits: memoryLimiterEmits,
  check: memoryLimiterProblems,
  open: openMemoryLimiter,
};

/** With the Collector's words. */
function memoryLimiterProblems(config: Config): readonly ConfigProblem[] {
  const { limit_mib, spike_limit_mib = 0, limit_percentage, spike_limit_percentage = 0 } = config;
  const problems: ConfigProblem[] = [];
  if (limit_mib === undefined && limit_percentage === undefined)
    problems.push({ path: [], message: '"limit_mib" or "limit_percentage" must be greater than zero' });
  if (limit_mib !== undefined && spike_limit_mib >= limit_mib)
    problems.push({ path: ['spike_limit_mib'], message: 'must be smaller than "limit_mib"' });
  if (limit_percentage !== undefined && spike_limit_percentage >= limit_percentage)
    problems.push({ path: ['spike_limit_percentage'], message: 'must be smaller than "limit_percentage"' });
  if (config.min_gc_interval_when_soft_limited < config.min_gc_interval_when_hard_limited)
    problems.push({
      path: ['min_gc_interval_when_soft_limited'],
      message: 'should be larger than "min_gc_interval_when_hard_limited"',
    });
  return problems;
}

interface Limits {
  readonly soft: Bytes;
  readonly hard: Bytes;
  /** Whose memory the percentages are of. */
  readonly of?: 'cgroup' | 'machine';
}

const mebibyte = 2 ** 20;

function limitsOf(config: Config): Limits {
  const { limit_mib, limit_percentage = 100 } = config;
  if (limit_mib !== undefined) {
    const hard = limit_mib * mebibyte;
    const spike = config.spike_limit_mib === undefined ? hard / 5 : config.spike_limit_mib * mebibyte;
    return { hard: bytes(hard), soft: bytes(hard - spike) };
  }
  const { total, of } = readOwnMemory();
  const hard = (total * limit_percentage) / 100;
  const { spike_limit_percentage: part } = config;
  const spike = part === undefined ? hard / 5 : (total * part) / 100;
  return { hard: bytes(hard), soft: bytes(hard - spike), of };
}

interface MemoryLimit extends Running {
  refusal(): Failure | undefined;
}

/** One for all pipelines that have the processor: resident memory is that of the agent, and a collection blocks it. */
const memoryLimit = serviceRef({ id: 'memory_limit', open: openMemoryLimit });

async function openMemoryLimiter(config: Config, host: Host): Promise<Processor> {
  const { refusal } = await host.use(memoryLimit, { key: host.id, settings: config });
  return { process: (batch) => batch, refusal, close: async () => {} };
}

async function openMemoryLimit(host: ServiceHost, config: Config): Promise<MemoryLimit> {
  const { log, clock, counters, id } = host;
  const { soft, hard, of } = limitsOf(config);
  const inMebibytes = { soft_limit_mib: rounded(soft), limit_mib: rounded(hard) };
  let isRefusing = false;
  let lastCollection: number | undefined;

  /** What is in use after a collection, if it is time for one. */
  function collect(used: number, atMost: number): number {
    const now = clock.elapsed();
    if (lastCollection !== undefined && now - lastCollection < atMost) return used;
    collectGarbage();
    counters.add(memoryLimiterCounters.collections, 1, { processor: id });
    lastCollection = now;
    return process.memoryUsage.rss();
  }

  function measure(): void {
    let used: number = process.memoryUsage.rss();
    if (used > hard) used = collect(used, config.min_gc_interval_when_hard_limited);
    else if (used > soft) used = collect(used, config.min_gc_interval_when_soft_limited);
    const isAbove = used > soft;
    if (isAbove === isRefusing) return;
    isRefusing = isAbove;
    const fields = { memory_mib: rounded(used), ...inMebibytes };
    if (isAbove) log.warn(fields, 'Memory usage is above soft limit. Refusing data.');
    else log.info(fields, 'Memory usage back within limits. Resuming normal operation.');
  }

  log.info({ ...inMebibytes, ...(of && { of }) }, 'Memory limiter configured');
  measure();
  return {
    refusal: () =>
      isRefusing ? { reason: 'data refused due to high memory usage', code: 'memory_limit' } : undefined,
    tasks: [{ name: 'measure', every: config.check_interval, run: measure }],
    close: async () => {},
  };
}

const rounded = (amount: number) => Math.round(amount / mebibyte);
