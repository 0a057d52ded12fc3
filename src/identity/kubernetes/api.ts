import type { Static } from 'typebox';
import { BackOff } from '../../net/back-off.ts';
import type { FailureReason } from '../../net/request-error.ts';
import { nanoseconds, seconds } from '../../telemetry/units.ts';
import { deriveOwner, withOwner } from '../owners.ts';
import type { Source, SourceContext } from '../source.ts';
import { apiServer } from './api-server.ts';
import { KubeClient } from './client.ts';
import { Condition } from './condition.ts';
import type { kubernetesConfig } from './config.ts';
import { CredentialStore, type Environment } from './credentials.ts';
import { KubeError } from './kube-error.ts';
import { OwnerLookup } from './owner-lookup.ts';
import { PodApi } from './pod-api.ts';
import { PodCache } from './pod-cache.ts';

/** The API server: lists the pods of this node, then watches them. */
export function openKubernetes(
  config: Static<typeof kubernetesConfig>,
  context: SourceContext,
  { environment }: { readonly environment: Environment },
): Source {
  return new Kubernetes(config, context, environment);
}

/** The server ends a watch after this to twice this, so that those of many agents do not end together. */
const watchFor = seconds(240);
/** A watch that lasted this long was a success. */
const goodWatch = seconds(5);

/** After these a watch cannot report the changes missed. */
const needsList: ReadonlySet<FailureReason> = new Set([
  'gone',
  'invalid_response',
  'too_large',
  'watch_ended',
]);
/** Usual ends of an open watch: the source fails only when none can be opened. */
const usualEnds: ReadonlySet<FailureReason> = new Set(['connection_reset', 'timeout']);

class Kubernetes implements Source {
  readonly name = 'kubernetes';
  readonly #context: SourceContext;
  readonly #client: KubeClient;
  readonly #condition: Condition;
  readonly #backOff: BackOff;
  readonly #pods: PodCache;
  readonly #owners: OwnerLookup | undefined;
  readonly #api: PodApi;
  /** Where a watch goes on; undefined: a list comes first. */
  #version: string | undefined;
  /** As `PodApi.list` has it. */
  #listFrom = '0';
  #notBefore = nanoseconds(0);
  #phase: 'list' | 'open' | 'watch' = 'list';
  #step: Promise<void> | undefined;
  #isClosed = false;

  constructor(config: Static<typeof kubernetesConfig>, context: SourceContext, environment: Environment) {
    this.#context = context;
    const elapsed = () => context.elapsed();
    this.#client = new KubeClient({
      credentials: new CredentialStore(config, environment, elapsed),
      serverOf: apiServer(config, environment),
      elapsed,
    });
    this.#api = new PodApi(this.#client, config.node_name ?? (environment.K8S_NODE_NAME || undefined));
    const condition = new Condition(this.name, context);
    this.#condition = condition;
    this.#backOff = new BackOff({ first: seconds(1), last: seconds(30) }, () => context.random());
    if (config.owners === 'lookup')
      this.#owners = new OwnerLookup({
        get: (path) => this.#api.object(path),
        context,
        condition,
        onFound: () => this.#pods.refreshOwners(),
      });
    this.#pods = new PodCache(
      context.facts,
      (pod) => this.#owners?.complete(pod) ?? withOwner(pod, deriveOwner(pod)),
    );
  }

  get state() {
    return this.#condition.state;
  }

  get reason() {
    return this.#condition.reason;
  }

  tick(): void {
    if (this.#isClosed) return;
    this.#client.tick();
    if (this.state === 'ready') this.#owners?.tick();
    const now = this.#context.elapsed();
    if (this.#step || !this.#backOff.isDue(now) || now < this.#notBefore) return;
    this.#step = this.#advance().finally(() => {
      this.#step = undefined;
    });
  }

  /** Nothing to do: a watch reports new pods at once, and without one the next list has its own schedule. */
  requestLookup(): void {}

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#client.close();
    await this.#step;
  }

  /** A list if one is needed, then a watch until it ends. */
  async #advance(): Promise<void> {
    try {
      if (this.#version === undefined) await this.#list();
      if (this.#version !== undefined && !this.#isClosed) await this.#watch(this.#version);
    } catch (error) {
      this.#failed(error as KubeError); // the only thing that the client and the splitters throw
    }
  }

  async #list(): Promise<void> {
    this.#phase = 'list';
    this.#pods.beginList();
    const version = await this.#api.list(this.#listFrom, (answer) => this.#pods.upsert(answer));
    this.#pods.endList();
    this.#goOnFrom(version);
    this.#condition.listed();
    this.#condition.becomeReady();
  }

  async #watch(version: string): Promise<void> {
    const started = this.#context.elapsed();
    const passed = () => this.#context.elapsed() - started;
    let isFruitful = false;
    this.#phase = 'open';
    try {
      await this.#api.watch(version, {
        lasts: nanoseconds(watchFor * (1 + this.#context.random())),
        onOpen: () => {
          this.#phase = 'watch';
          this.#condition.becomeReady();
        },
        onEvent: (event) => {
          isFruitful = true;
          if (event.kind === 'changed') this.#pods.upsert(event.answer);
          else if (event.kind === 'deleted') this.#pods.markGone(event.answer);
          this.#goOnFrom(event.version);
        },
      });
    } finally {
      if (isFruitful || passed() >= goodWatch) this.#backOff.reset();
    }
    const isShort = passed() < goodWatch;
    if (isFruitful) {
      if (isShort) this.#notBefore = nanoseconds(this.#context.elapsed() + seconds(1));
      return;
    }
    // Not even a bookmark: perhaps a restored server that waits for a version still to come.
    this.#version = undefined;
    if (isShort) throw new KubeError('connection_reset', 'the API server ends watches as soon as they begin');
  }

  #goOnFrom(version: string): void {
    this.#version = version;
    this.#listFrom = version;
  }

  #failed(error: KubeError): void {
    if (this.#isClosed) return;
    const now = this.#context.elapsed();
    this.#backOff.postpone(now);
    this.#notBefore = nanoseconds(now + (error.retryAfter ?? 0));
    if (needsList.has(error.reason) || (this.#phase === 'open' && error.status === 504))
      this.#version = undefined;
    // No server has this version any more or, after a restore, yet.
    if (this.#phase === 'list' && this.#listFrom !== '0' && (error.reason === 'gone' || error.status === 504))
      this.#listFrom = '';
    const isUsual = error.reason === 'gone' || (this.#phase === 'watch' && usualEnds.has(error.reason));
    if (isUsual) this.#condition.count(error);
    else this.#condition.fail(withRemedy(error));
  }
}

const remedies: Readonly<Record<string, string>> = {
  unauthorized: 'it does not accept the token; each attempt reads it again',
  forbidden: "the service account's ClusterRole needs list and watch on pods",
};

function withRemedy(error: KubeError): KubeError {
  const remedy = remedies[error.reason];
  return remedy === undefined
    ? error
    : new KubeError(error.reason, `${error.message}; ${remedy}`, { cause: error });
}
