import { bytes, type Nanoseconds, nanoseconds, seconds, toMilliseconds } from '../../telemetry/units.ts';
import { objectIn, textIn } from '../json.ts';
import type { KubeClient } from './client.ts';
import { explainEvent } from './explain.ts';
import { KubeError } from './kube-error.ts';
import { type PodAnswer, podFacts } from './pod-facts.ts';
import { ItemSplitter, LineSplitter } from './split.ts';

const pageSize = 100;
const maxPages = 1000;
const maxPageBytes = bytes(64 * 1024 * 1024);
const listTimeout = seconds(30);
const lookupTimeout = seconds(10);
const maxLookupBytes = bytes(1024 * 1024);
/** A watch is bounded by its time, and each line of it by `LineSplitter`. */
const maxWatchBytes = bytes(Number.MAX_SAFE_INTEGER);
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

export type PodEvent =
  | { readonly kind: 'changed' | 'deleted'; readonly version: string; readonly answer: PodAnswer }
  | { readonly kind: 'bookmark'; readonly version: string };

/** Requests to the API server: the pods of one node, their changes, single objects. Rejects with a `KubeError`. */
export class PodApi {
  readonly #client: KubeClient;
  readonly #node: string | undefined;

  constructor(client: KubeClient, node: string | undefined) {
    this.#client = client;
    this.#node = node;
  }

  /**
   * All pods, page by page; returns the version to watch from. `from` is the minimum version of the list: `0` is the
   * server's cache, empty the present, for which servers before 1.31 read the pods of all nodes from etcd.
   */
  async list(from: string, onPod: (answer: PodAnswer) => void): Promise<string> {
    let version: string | undefined;
    let next: string | undefined;
    let pages = 0;
    do {
      const metadata = await this.#listPage({ from, next, onPod });
      version = textIn(metadata.resourceVersion);
      next = textIn(metadata.continue);
      if (++pages > maxPages) throw new KubeError('too_large', `a list has more than ${maxPages} pages`);
    } while (next !== undefined);
    if (version === undefined)
      throw new KubeError('invalid_response', 'the list of pods has no resourceVersion');
    return version;
  }

  async #listPage(of: { from: string; next: string | undefined; onPod: (answer: PodAnswer) => void }) {
    const { from, next } = of;
    const splitter = new ItemSplitter('PodList', (item) => {
      const answer = podFacts(item);
      if (answer) of.onPod(answer);
    });
    // With a limit the server takes any other version to be meant exactly, and that is soon gone.
    const isPaged = from === '0' || from === '';
    await this.#client.get({
      path: this.#path({
        ...(isPaged && { limit: String(pageSize) }),
        ...(next === undefined ? from !== '' && { resourceVersion: from } : { continue: next }),
      }),
      timeout: listTimeout,
      maxBytes: maxPageBytes,
      receive: (part) => splitter.write(part),
    });
    return objectIn(objectIn(splitter.end()).metadata);
  }

  /** Resolves when the server ends the watch, which it is asked to do after `lasts`. */
  async watch(
    version: string,
    of: { lasts: Nanoseconds; onOpen: () => void; onEvent: (event: PodEvent) => void },
  ): Promise<void> {
    const splitter = new LineSplitter((line) => {
      const event = eventIn(line);
      if (event) of.onEvent(event);
    });
    await this.#client.get({
      path: this.#path({
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: version,
        timeoutSeconds: String(Math.round(toMilliseconds(of.lasts) / 1000)),
      }),
      answerWithin: listTimeout,
      // The server ends it first.
      timeout: nanoseconds(of.lasts + seconds(30)),
      maxBytes: maxWatchBytes,
      answered: of.onOpen,
      receive: (part) => splitter.write(part),
    });
  }

  /** Of an object only its metadata, where the server knows how. */
  async object(path: string): Promise<unknown> {
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
      throw new KubeError('invalid_response', 'the answer is no JSON', { cause });
    }
  }

  #path(query: Readonly<Record<string, string>>): string {
    if (this.#node === undefined)
      throw new KubeError('absent', 'the name of this node is unknown: set $K8S_NODE_NAME or node_name');
    const fieldSelector = `spec.nodeName=${this.#node}`;
    return `/api/v1/pods?${new URLSearchParams({ fieldSelector, ...query })}`;
  }
}

/** Undefined: an event of no interest. Throws where the watch cannot go on. */
function eventIn(line: unknown): PodEvent | undefined {
  const { type, object } = objectIn(line);
  if (type === 'ERROR') throw explainEvent(object, 'the API server');
  const version = textIn(objectIn(objectIn(object).metadata).resourceVersion);
  if (version === undefined)
    throw new KubeError('invalid_response', 'an event of the watch has no resourceVersion');
  if (type === 'BOOKMARK') return { kind: 'bookmark', version };
  const answer = podFacts(object);
  if (answer === undefined) return undefined;
  if (type === 'DELETED') return { kind: 'deleted', version, answer };
  return type === 'ADDED' || type === 'MODIFIED' ? { kind: 'changed', version, answer } : undefined;
}
