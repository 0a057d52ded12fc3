import { join } from 'node:path';
import type { ExtensionHost, Storage, StorageComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { seconds } from '../../telemetry/units.ts';
import { answerLimit, BoundedStore } from './bounded-store.ts';
import { fileStorageEmits, storageCounters } from './emits.ts';
import { fileName } from './file-name.ts';
import { FileStore } from './file-store.ts';
import { moveAside } from './move-aside.ts';
import { storageDirectory } from './storage-directory.ts';
import { StorageError } from './storage-error.ts';

const config = Type.Object({
  directory: Type.String({
    default: '/var/lib/earshot',
    pattern: '^/',
    description:
      'Absolute path of the directory, for this agent alone; created with mode 0700 where there is none. Where other users may make files in it, the files are in a directory `earshot` of mode 0700 there.',
  }),
});

export const fileStorage: StorageComponent<typeof config> = {
  kind: 'extension',
  type: 'file_storage',
  summary: 'Keeps data of components over restarts, in an SQLite file for each of them.',
  stability: 'development',
  provides: 'storage',
  config,
  emits: fileStorageEmits,
  async open({ directory }, host) {
    const found = storageDirectory(directory);
    if (!(await host.endsWithin(answerLimit, found)))
      host.log.warn({ directory }, 'The disk does not answer: nothing is stored until it does.');
    return openStorage({ directory, found }, host);
  },
};

/** Files that are open in this process: a second handle of one, closed, would end the lock of the first. */
const openPaths = new Map<string, FileStore>();

interface Place {
  /** As it is configured. */
  readonly directory: string;
  /** Where the files are. */
  readonly found: Promise<string>;
}

function openStorage({ directory, found }: Place, host: ExtensionHost): Storage {
  const stores = new Set<BoundedStore>();
  const countFailed = (component: string, reason: string) =>
    host.counters.add(storageCounters.failed, 1, { component, reason });

  async function openFile(component: string): Promise<FileStore> {
    const path = join(await found, fileName(component));
    const former = openPaths.get(path);
    if (former && !former.isClosing) throw new StorageError(`open ${path}`, { fault: 'locked' });
    await former?.close().catch(() => {}); // for its caller
    if (openPaths.has(path)) throw new StorageError(`open ${path}`, { fault: 'locked' }); // opened meanwhile
    const store = new FileStore({
      path,
      async moveAside(reason) {
        const aside = await moveAside(path, { reason, now: host.clock.now() });
        host.counters.add(storageCounters.discarded, 1, { component, reason });
        host.log.warn(
          { component, file: aside },
          `Stored data cannot be read (${reason}) and was moved aside.`,
        );
      },
      onFailed: (reason) => countFailed(component, reason),
      onClosed: () => openPaths.delete(path),
    });
    openPaths.set(path, store);
    try {
      await store.open();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  return {
    tasks: [
      {
        name: 'sync',
        every: seconds(30),
        async run() {
          await Promise.all([...stores].map((store) => store.sync()));
        },
      },
    ],
    async openStore(component) {
      const store = new BoundedStore({
        ...{ name: `the store of ${component} in ${directory}`, opening: openFile(component), host },
        onUnresponsive: () => countFailed(component, 'unresponsive'),
        onClosed: () => stores.delete(store),
      });
      stores.add(store);
      try {
        await store.open();
      } catch (error) {
        stores.delete(store);
        throw error;
      }
      return store;
    },
    async close() {
      await Promise.all([...stores].map((store) => store.close()));
    },
  };
}
