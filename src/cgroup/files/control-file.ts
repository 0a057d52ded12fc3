import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { pathBytes } from '../path/path-bytes.ts';

/** The longest are lists of CPUs: 8,192 of them, every other one, in 20 KiB. */
const buffer = Buffer.alloc(32 * 1024);

/** No such file, its cgroup was removed meanwhile, or the feature was turned off at boot. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'EOPNOTSUPP']);

const lackingToGiveUp = 16;

/** Text of a control file, which the kernel gives in one piece; undefined: it is not there. Throws other errors of the system. */
export function readControlFile(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(pathBytes(file), 'r');
    return buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, buffer.length, null));
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The control files of one hierarchy, by paths of cgroups. */
export class ControlDirectory {
  readonly #mountPoint: string;
  readonly #root: string;
  /** Looks in a row at living cgroups without a file: one that is removed loses its files before its directory. */
  readonly #lacking = new Map<string, number>();

  /** `root` is the path of the cgroup that is mounted at `mountPoint`. */
  constructor(mountPoint: string, root: string) {
    this.#mountPoint = mountPoint;
    this.#root = root === '/' ? '' : root;
  }

  read(path: string, name: string): string | undefined {
    const file = this.#file(path, name);
    return file === undefined ? undefined : readControlFile(file);
  }

  /** Throws with `code` `MALFORMED` where the text is not what `parse` takes. */
  parse<T>(path: string, name: string, parse: (text: string) => T): T | undefined {
    const text = this.read(path, name);
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (cause) {
      const message = `cannot read ${this.#file(path, name)}: ${JSON.stringify(text.slice(0, 100))} is not its format`;
      throw Object.assign(new Error(message, { cause }), { code: 'MALFORMED' });
    }
  }

  /**
   * The same for a file of newer kernels: opening a missing one costs as much as reading it. After several attempts
   * in cgroups without one, the root left out, it is not opened again.
   */
  parseNewer<T>(path: string, name: string, parse: (text: string) => T): T | undefined {
    const lacking = this.#lacking.get(name) ?? 0;
    if (lacking >= lackingToGiveUp) return undefined;
    const parsed = this.parse(path, name, parse);
    if (parsed !== undefined) this.#lacking.delete(name);
    else if (path !== '/' && this.exists(path)) this.#lacking.set(name, lacking + 1);
    return parsed;
  }

  /** The same for one that most cgroups lack: to look first costs a third of an error. */
  parseRare<T>(path: string, name: string, parse: (text: string) => T): T | undefined {
    return this.exists(path, name) ? this.parse(path, name, parse) : undefined;
  }

  exists(path: string, name = ''): boolean {
    const file = this.#file(path, name);
    return file !== undefined && existsSync(pathBytes(file));
  }

  /** Undefined: not below what is mounted here. */
  #file(path: string, name: string): string | undefined {
    if (!`${path}/`.startsWith(`${this.#root}/`)) return undefined;
    return `${this.#mountPoint}${path.slice(this.#root.length)}/${name}`;
  }
}
