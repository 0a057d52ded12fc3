import type { Static } from 'typebox';
import { BackOff } from '../../net/back-off.ts';
import { bytes, type Nanoseconds, nanoseconds, seconds } from '../../telemetry/units.ts';
import { LookupQueue } from '../lookup-queue.ts';
import { deriveOwner, withOwner } from '../owners.ts';
import type { Source, SourceContext } from '../source.ts';
import { parseEndpoint } from './access-config.ts';
import { KubeClient } from './client.ts';
import { Condition } from './condition.ts';
import type { kubeletConfig } from './config.ts';
import { CredentialStore, type Environment } from './credentials.ts';
import { KubeError } from './kube-error.ts';
import { podFacts } from './pod-facts.ts';
import { ItemSplitter } from './split.ts';

/** Some thousand pods; a node has 110 by default. */
const maxListBytes = bytes(64 * 1024 * 1024);
/** Minimum pause between requested lists. */
const listPause = seconds(1);
/** A request costs only this node. */
const maxPause = seconds(10);
const kubeletPort = 10_250;

export function openKubelet(
  config: Static<typeof kubeletConfig>,
  context: SourceContext,
  { environment }: { readonly environment: Environment },
): Source {
  return new Kubelet(config, context, environment);
}

/** The kubelet of this node: `GET /pods`, periodically, and at once when a lookup is requested. */
class Kubelet implements Source {
  readonly name = 'kubelet';
  readonly #interval: Nanoseconds;
  readonly #timeout: Nanoseconds;
  readonly #context: SourceContext;
  readonly #client: KubeClient;
  readonly #condition: Condition;
  readonly #backOff: BackOff;
  readonly #lookups: LookupQueue;
  /** Neither configuration nor environment names a kubelet. */
  readonly #isGuess: boolean;
  #known = new Set<string>();
  #listed = nanoseconds(Number.NEGATIVE_INFINITY);
  #notBefore = nanoseconds(0);
  #isClosed = false;
  #listing: Promise<void> | undefined;

  constructor(config: Static<typeof kubeletConfig>, context: SourceContext, environment: Environment) {
    this.#interval = config.interval;
    this.#timeout = config.timeout;
    this.#context = context;
    const elapsed = () => context.elapsed();
    const random = () => context.random();
    this.#isGuess = !config.endpoint && !environment.NODE_IP && !environment.K8S_NODE_NAME;
    this.#client = new KubeClient({
      credentials: new CredentialStore(config, environment, elapsed),
      serverOf: () => kubeletServer(config.endpoint, environment),
      elapsed,
    });
    this.#condition = new Condition(this.name, context);
    this.#backOff = new BackOff({ first: seconds(1), last: maxPause }, random);
    this.#lookups = new LookupQueue(config.interval, random);
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
    const now = this.#context.elapsed();
    if (this.#listing || !this.#backOff.isDue(now) || now < this.#notBefore) return;
    const isWanted = this.#lookups.isDue(now) && now - this.#listed >= listPause;
    if (!isWanted && now - this.#listed < this.#interval && this.state === 'ready') return;
    this.#listing = this.#list(now).finally(() => {
      this.#listing = undefined;
    });
  }

  requestLookup({ containerId, podUid }: { readonly containerId?: string; readonly podUid?: string }): void {
    const now = this.#context.elapsed();
    for (const id of [containerId, podUid])
      if (id !== undefined && !this.#known.has(id)) this.#lookups.request(id, now);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#client.close();
    await this.#listing;
  }

  async #list(now: Nanoseconds): Promise<void> {
    this.#listed = now;
    const asked = this.#lookups.due(now);
    const known = new Set<string>();
    const { facts } = this.#context;
    const splitter = new ItemSplitter('PodList', (item) => {
      const answer = podFacts(item);
      if (answer === undefined) return;
      const { pod, containers } = answer;
      facts.upsertPod(withOwner(pod, deriveOwner(pod)));
      known.add(pod.uid);
      if (pod.configHash !== undefined) known.add(pod.configHash);
      for (const container of containers) {
        facts.upsertContainer(container);
        known.add(container.id);
      }
    });
    try {
      await this.#client.get({
        path: '/pods',
        timeout: this.#timeout,
        maxBytes: maxListBytes,
        answered: () => facts.beginList(),
        receive: (part) => splitter.write(part),
      });
      splitter.end();
    } catch (error) {
      this.#failed(error as KubeError); // the only thing that `get` and the splitter throw
      return;
    }
    facts.endList();
    this.#known = known;
    this.#lookups.complete(asked, { now: this.#context.elapsed(), isKnown: (id) => known.has(id) });
    this.#condition.listed();
    this.#condition.becomeReady();
    this.#backOff.reset();
  }

  #failed(error: KubeError): void {
    if (error.reason === 'closed') return;
    const now = this.#context.elapsed();
    this.#backOff.postpone(now);
    this.#notBefore = nanoseconds(now + (error.retryAfter ?? 0));
    const isNone = error.reason === 'unreachable' && this.#isGuess;
    this.#condition.fail(
      isNone ? new KubeError('absent', error.message, { cause: error }) : withRemedy(error),
    );
  }
}

function kubeletServer(endpoint: string | undefined, environment: Environment): URL {
  const host = environment.NODE_IP || environment.K8S_NODE_NAME || '127.0.0.1';
  const address = host.includes(':') ? `[${host}]` : host;
  const server = parseEndpoint(endpoint ?? `${address}:${kubeletPort}`);
  if (server === undefined)
    throw new KubeError('credentials', "cannot use the kubelet's endpoint: it is no host:port and no URL");
  if (server.port === '' && endpoint !== undefined && !endpoint.includes('://'))
    server.port = String(kubeletPort);
  return server;
}

const remedies: Readonly<Record<string, string>> = {
  unauthorized:
    'the kubelet does not accept the token: it must let the API server check tokens (authentication.webhook.enabled, which is the default of most distributions)',
  forbidden:
    "the service account's ClusterRole needs get on nodes/pods, which kubelets understand since 1.33; earlier ones want nodes/proxy, which also allows to run commands in every pod",
};

/** A kubelet caches the API server's answers for minutes. */
const noApi = 'it asks the API server for permission, which does not answer';

function withRemedy(error: KubeError): KubeError {
  const remedy = error.status === 500 && /authoriz/i.test(error.message) ? noApi : remedies[error.reason];
  return remedy === undefined
    ? error
    : new KubeError(error.reason, `${error.message}; ${remedy}`, { cause: error });
}
