import { type Static, Type } from 'typebox';
import { bytes, nanoseconds, seconds } from '../../../telemetry/units.ts';
import type { Source, SourceContext } from '../source.ts';
import { BackOff } from './back-off.ts';
import { accessKeys } from './kube/access-config.ts';
import { apiServer } from './kube/api-server.ts';
import { KubeClient } from './kube/client.ts';
import { Condition } from './kube/condition.ts';
import { CredentialStore, type Environment } from './kube/credentials.ts';
import { explainEvent } from './kube/explain.ts';
import { objectIn, textIn } from './kube/json.ts';
import { KubeError, type KubeErrorCode } from './kube/kube-error.ts';
import { deriveOwner, Owners, withOwner } from './kube/owners.ts';
import { podFacts } from './kube/pod-facts.ts';
import { SaidPods } from './kube/said-pods.ts';
import { ItemSplitter, LineSplitter } from './kube/split.ts';

export const kubernetesConfig = Type.Object(
  {
    endpoint: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "The API server; by default the one that the pod's environment or the kubeconfig file names.",
      }),
    ),
    node_name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Whose pods are read; by default `$K8S_NODE_NAME`. Without either the source is absent.',
      }),
    ),
    owners: Type.Enum(['lookup', 'derive'], {
      default: 'lookup',
      description:
        'How to find the Deployment of a ReplicaSet and the CronJob of a Job: ask the API, or derive its name from theirs, which needs no rule for replicasets and jobs.',
    }),
    ...accessKeys,
  },
  { additionalProperties: false },
);

/** The API server: lists the pods of this node, then watches them. */
export function openKubernetes(
  config: Static<typeof kubernetesConfig>,
  context: SourceContext,
  environment: Environment = process.env,
): Source {
  return new Kubernetes(config, context, environment);
}

const pageSize = 100;
const maxPages = 1000;
const maxPageBytes = bytes(64 * 1024 * 1024);
const listTimeout = seconds(30);
const lookupTimeout = seconds(10);
const maxLookupBytes = bytes(1024 * 1024);
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
/** The server ends a watch after this to twice this, so that those of many agents do not end together. */
const watchFor = seconds(240);
/** All watches of a process together stay far below; the events of one pod's life are about ten, of some KiB each. */
const maxWatchBytes = bytes(Number.MAX_SAFE_INTEGER);
/** A watch that lasted so long was a good one. */
const goodWatch = seconds(5);

/** After these what was missed cannot be told by a watch. */
const needsList: ReadonlySet<KubeErrorCode> = new Set(['gone', 'garbage', 'too_large']);
/** How a watch that was open ends in the course of things: the source is not failing before none can be opened. */
const usualEnds: ReadonlySet<KubeErrorCode> = new Set(['cut', 'timeout']);

class Kubernetes implements Source {
  readonly name = 'kubernetes';
  readonly #context: SourceContext;
  readonly #client: KubeClient;
  readonly #condition: Condition;
  readonly #backOff: BackOff;
  readonly #pods: SaidPods;
  readonly #owners: Owners | undefined;
  readonly #node: string | undefined;
  /** Where a watch goes on; undefined: a list comes first. */
  #version: string | undefined;
  /**
   * What a list must be no older than. `0`: whatever the server has in its cache, which costs it least; empty: the
   * present, for which older servers read all pods of the cluster from etcd.
   */
  #listFrom = '0';
  #notBefore = nanoseconds(0);
  #phase: 'list' | 'open' | 'watch' = 'list';
  #step: Promise<void> | undefined;
  #isClosed = false;

  constructor(config: Static<typeof kubernetesConfig>, context: SourceContext, environment: Environment) {
    this.#context = context;
    const { elapsed, random } = context;
    this.#node = config.node_name ?? (environment.K8S_NODE_NAME || undefined);
    this.#client = new KubeClient({
      credentials: new CredentialStore(config, environment, elapsed),
      serverOf: apiServer(config, environment),
      elapsed,
    });
    const condition = new Condition(this.name, context);
    this.#condition = condition;
    this.#backOff = new BackOff({ first: seconds(1), last: seconds(30) }, random);
    if (config.owners === 'lookup')
      this.#owners = new Owners({
        get: (path) => this.#getObject(path),
        context,
        condition,
        onFound: () => this.#pods.sayAgain(),
      });
    this.#pods = new SaidPods(
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
    this.#owners?.tick();
    const now = this.#context.elapsed();
    if (this.#step || !this.#backOff.isDue(now) || now < this.#notBefore) return;
    this.#step = this.#advance().finally(() => {
      this.#step = undefined;
    });
  }

  /** The answer is on its way: a watch tells at once, and where there is none the next list is due when it is due. */
  want(): void {}

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
    let version: string | undefined;
    let next: string | undefined;
    let pages = 0;
    do {
      const metadata = await this.#listPage(next);
      version = textIn(metadata.resourceVersion);
      next = textIn(metadata.continue);
      if (++pages > maxPages) throw new KubeError('too_large', `a list has more than ${maxPages} pages`);
    } while (next !== undefined);
    if (version === undefined) throw new KubeError('garbage', 'the list of pods has no resourceVersion');
    this.#pods.endList();
    this.#version = version;
    this.#listFrom = version;
    this.#condition.listed();
    this.#condition.becomeReady();
  }

  async #listPage(next: string | undefined) {
    const splitter = new ItemSplitter('PodList', (item) => {
      const answer = podFacts(item);
      if (answer) this.#pods.say(answer);
    });
    // With a limit the server takes any other version to be meant exactly, and that is soon gone.
    const isPaged = this.#listFrom === '0' || this.#listFrom === '';
    await this.#client.get({
      path: this.#path({
        ...(isPaged && { limit: String(pageSize) }),
        ...(next === undefined
          ? this.#listFrom !== '' && { resourceVersion: this.#listFrom }
          : { continue: next }),
      }),
      timeout: listTimeout,
      maxBytes: maxPageBytes,
      receive: (part) => splitter.write(part),
    });
    return objectIn(objectIn(splitter.end()).metadata);
  }

  async #watch(version: string): Promise<void> {
    const started = this.#context.elapsed();
    const lasts = nanoseconds(watchFor * (1 + this.#context.random()));
    let isFruitful = false;
    const splitter = new LineSplitter((line) => {
      this.#take(line);
      isFruitful = true;
    });
    this.#phase = 'open';
    try {
      await this.#client.get({
        path: this.#path({
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: version,
          timeoutSeconds: String(Math.round(lasts / 1e9)),
        }),
        answerWithin: listTimeout,
        // The server is to end it, not we.
        timeout: nanoseconds(lasts + seconds(30)),
        maxBytes: maxWatchBytes,
        answered: () => {
          this.#phase = 'watch';
          this.#condition.becomeReady();
        },
        receive: (part) => splitter.write(part),
      });
    } finally {
      if (isFruitful || this.#context.elapsed() - started >= goodWatch) this.#backOff.reset();
    }
    const isShort = this.#context.elapsed() - started < goodWatch;
    if (isFruitful) {
      if (isShort) this.#notBefore = nanoseconds(this.#context.elapsed() + seconds(1));
      return;
    }
    // Not even a bookmark: perhaps a server that was set back and waits for a version to come.
    this.#version = undefined;
    if (isShort) throw new KubeError('cut', 'the API server ends watches as soon as they begin');
  }

  #take(line: unknown): void {
    const { type, object } = objectIn(line);
    if (type === 'ERROR') {
      this.#version = undefined;
      throw explainEvent(object, 'the API server');
    }
    const version = textIn(objectIn(objectIn(object).metadata).resourceVersion);
    if (version === undefined) throw new KubeError('garbage', 'an event of the watch has no resourceVersion');
    const answer = type === 'BOOKMARK' ? undefined : podFacts(object);
    if (answer && type === 'DELETED') this.#pods.gone(answer);
    else if (answer && (type === 'ADDED' || type === 'MODIFIED')) this.#pods.say(answer);
    this.#version = version;
    this.#listFrom = version;
  }

  #failed(error: KubeError): void {
    if (this.#isClosed) return;
    const now = this.#context.elapsed();
    this.#backOff.postpone(now);
    this.#notBefore = nanoseconds(now + (error.retryAfter ?? 0));
    if (needsList.has(error.code) || (this.#phase === 'open' && error.status === 504))
      this.#version = undefined;
    // No server has this version any more, or, after it was set back, yet.
    if (this.#phase === 'list' && this.#listFrom !== '0' && (error.code === 'gone' || error.status === 504))
      this.#listFrom = '';
    const isUsual = error.code === 'gone' || (this.#phase === 'watch' && usualEnds.has(error.code));
    if (isUsual) this.#condition.count(error);
    else this.#condition.fail(withRemedy(error));
  }

  async #getObject(path: string): Promise<unknown> {
    const parts: Buffer[] = [];
    await this.#client.get({
      path,
      accept: metadataOnly,
      timeout: lookupTimeout,
      maxBytes: maxLookupBytes,
      receive: (part) => parts.push(part),
    });
    try {
      return JSON.parse(Buffer.concat(parts).toString());
    } catch (cause) {
      throw new KubeError('garbage', 'the answer is no JSON', { cause });
    }
  }

  #path(query: Readonly<Record<string, string>>): string {
    if (this.#node === undefined)
      throw new KubeError('absent', 'cannot tell which node this is: set $K8S_NODE_NAME or node_name');
    const fieldSelector = `spec.nodeName=${this.#node}`;
    return `/api/v1/pods?${new URLSearchParams({ fieldSelector, ...query })}`;
  }
}

const remedies: Readonly<Record<string, string>> = {
  unauthorized: 'it does not know the token; a new one is looked for with each attempt',
  forbidden: "the service account's ClusterRole needs list and watch on pods",
};

function withRemedy(error: KubeError): KubeError {
  const remedy = remedies[error.code];
  return remedy === undefined
    ? error
    : new KubeError(error.code, `${error.message}; ${remedy}`, { cause: error });
}
