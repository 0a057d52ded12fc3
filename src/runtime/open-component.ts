import type {
  Authenticator,
  Component,
  Connector,
  Exporter,
  ExporterComponent,
  ExtensionComponent,
  ExtensionHost,
  Host,
  Introspection,
  Processed,
  Processor,
  Receiver,
  Running,
  Storage,
} from '../component.ts';
import type { Configured } from '../config/config.ts';
import { type OpenedExporter, openSender, type SenderContext } from '../delivery/open-sender.ts';
import type { Sender } from '../delivery/sender.ts';

/** What an extension has for other components. */
export type Provided =
  | { readonly provides: 'storage'; readonly storage: Storage }
  | { readonly provides: 'authenticator'; readonly authenticator: Authenticator };

/** An opened component, by kind. */
export type Opened =
  | { readonly kind: 'receiver'; readonly running: Receiver }
  | { readonly kind: 'processor'; readonly running: Processor<Processed> }
  | { readonly kind: 'connector'; readonly running: Connector }
  | { readonly kind: 'exporter'; readonly running: Exporter; readonly sender: Sender }
  | { readonly kind: 'extension'; readonly running: Running; readonly provided?: Provided };

export interface OpenContext {
  readonly host: Host;
  /** For extensions. */
  readonly agent: Introspection;
  /** For exporters. */
  readonly sending: SenderContext;
}

/** Opens a component; an exporter gets its sender. */
export async function openComponent(
  { component, config, delivery }: Configured<Component>,
  { host, agent, sending }: OpenContext,
): Promise<Opened> {
  switch (component.kind) {
    case 'receiver':
      return { kind: component.kind, running: await component.open(config, host) };
    case 'processor':
      return { kind: component.kind, running: await component.open(config, host) };
    case 'connector':
      return { kind: component.kind, running: await component.open(config, host) };
    case 'exporter':
      return openExporter({ component, config, ...(delivery && { delivery }) }, { host, sending });
    case 'extension':
      return openExtension(component, config, { ...host, agent });
  }
}

async function openExtension(
  component: ExtensionComponent,
  config: Configured<Component>['config'],
  host: ExtensionHost,
): Promise<Opened> {
  const { kind } = component;
  if (component.provides === undefined) return { kind, running: await component.open(config, host) };
  if (component.provides === 'storage') {
    const storage = await component.open(config, host);
    return { kind, running: storage, provided: { provides: 'storage', storage } };
  }
  const authenticator = await component.open(config, host);
  return { kind, running: authenticator, provided: { provides: 'authenticator', authenticator } };
}

async function openExporter(
  configured: Configured<ExporterComponent>,
  { host, sending }: Pick<OpenContext, 'host' | 'sending'>,
): Promise<Opened> {
  const opened = await openShape(configured, host);
  const storage = configured.delivery?.sending_queue.storage;
  try {
    const store = storage === undefined ? undefined : await host.openStore(storage);
    const sender = await openSender({ ...opened, ...(store && { store }) }, sending);
    return { kind: 'exporter', running: opened.exporter, sender };
  } catch (error) {
    await opened.exporter.close();
    throw error;
  }
}

async function openShape(
  { component, config, delivery }: Configured<ExporterComponent>,
  host: Host,
): Promise<OpenedExporter> {
  switch (component.shape) {
    case 'request':
      if (delivery === undefined) throw new Error('a checked configuration has delivery settings');
      return { shape: component.shape, exporter: await component.open(config, host), delivery };
    case 'local':
      return { shape: component.shape, exporter: await component.open(config, host) };
    case 'held':
      return { shape: component.shape, exporter: await component.open(config, host) };
  }
}
