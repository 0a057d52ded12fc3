import { access, constants, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExtensionHost, Storage, StorageComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { seconds } from '../../telemetry/units.ts';
import { fileStorageEmits, storageCounters } from './emits.ts';
import { fileName } from './file-name.ts';
import { FileStore } from './file-store.ts';
import { moveAside } from './move-aside.ts';
import { StorageError, storageError } from './storage-error.ts';

const config = Type.Object({
  directory: Type.String({
    default: '/var/lib/earshot',
    pattern: '^/',
    description:
      'Absolute path of the directory, for this agent alone; created with mode 0700 where there is none.',
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
  open: async ({ directory }, host) => openStorage(await usable(directory), host),
};

/** Files that are open in this process: a second handle of one, closed, would end the lock of the first. */
const openPaths = new Map<string, FileStore>();

function openStorage(directory: string, host: ExtensionHost): Storage {
  const stores = new Set<FileStore>();
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
      const path = join(directory, fileName(component));
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
        onFailed: (reason) => host.counters.add(storageCounters.failed, 1, { component, reason }),
        onClosed() {
          openPaths.delete(path);
          stores.delete(store);
        },
      });
      openPaths.set(path, store);
      stores.add(store);
      try {
        await store.open();
      } catch (error) {
        await store.close();
        throw error;
      }
      return store;
    },
    async close() {
      await Promise.all([...stores].map((store) => store.close()));
    },
  };
}

async function usable(directory: string): Promise<string> {
  try {
    await make(directory);
    await access(directory, constants.W_OK | constants.X_OK);
    return await realpath(directory);
  } catch (error) {
    throw storageError(`use the directory ${directory}`, error);
  }
}

/** Not `recursive`: on a file system that cannot be written, that says a directory above were missing. */
async function make(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error;
    await make(dirname(directory));
    await mkdir(directory, { mode: 0o700 });
  }
}
