import { glob, stat } from 'node:fs/promises';
import type { Bytes } from '../../telemetry/units.ts';
import type { Line } from './lines.ts';
import { identityOf, type Progress, TrackedFile } from './tracked-file.ts';

export interface FilesOptions {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly longest: Bytes;
  readonly mostFiles: number;
  /** Where to begin in files that are there at the first look, and not in `known`. */
  readonly startAt: 'beginning' | 'end';
  readonly isReplay: boolean;
  readonly known: readonly Progress[];
  onRestarted(): void;
  /** A file that is gone ended within a line. */
  onTorn(): void;
}

/** The files that the patterns name, each read once, whatever name it has. */
export class Files {
  readonly #options: FilesOptions;
  readonly #open = new Map<string, TrackedFile>();
  readonly #known: Map<string, Progress>;
  #isFirst = true;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#known = new Map(options.known.map((each) => [`${each.device}:${each.inode}`, each]));
  }

  /** Those known of an agent before and not found since may be on a disk that is not there yet; the oldest give way. */
  get progress(): readonly Progress[] {
    const open = Array.from(this.#open.values(), ({ progress }) => progress);
    return [...this.#known.values(), ...open].slice(-this.#options.mostFiles);
  }

  /** Reads what is new in all of them; `take` as of `TrackedFile.read`. Rejects, after the rest, where a file cannot be read. */
  async read(take: (line: Line) => Promise<boolean>): Promise<void> {
    const { found, failures } = await this.#look();
    this.#isFirst = false;
    for (const [identity, file] of this.#open) {
      const isThere = found.has(identity);
      if (this.#options.isReplay) file.restart();
      else if (isThere && (await file.hasChanged())) {
        file.restart();
        this.#options.onRestarted();
      }
      const end = await file.read(take);
      if (end === 'stopped') return;
      if (!isThere) await this.#forget(identity, file);
    }
    if (failures.length > 0) throw new Error(failures.join('; '));
  }

  async close(): Promise<void> {
    for (const file of this.#open.values()) await file.close();
    this.#open.clear();
  }

  /** Opens files that are new. */
  async #look() {
    const { include, exclude, mostFiles } = this.#options;
    const found = new Set<string>();
    const failures: string[] = [];
    let beyond = 0;
    for await (const path of glob([...include], { exclude: [...exclude] })) {
      try {
        const at = await stat(path, { bigint: true });
        if (!at.isFile()) continue;
        const identity = identityOf(at);
        found.add(identity);
        if (this.#open.has(identity)) continue;
        if (this.#open.size >= mostFiles) beyond += 1;
        else await this.#begin(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failures.push((error as Error).message);
      }
    }
    if (beyond > 0) failures.push(`${beyond} files beyond max_concurrent_files wait`);
    return { found, failures };
  }

  async #begin(path: string): Promise<void> {
    const { longest, startAt, isReplay, known, onRestarted } = this.#options;
    const file = await TrackedFile.open(path, longest);
    const before = this.#known.get(file.identity);
    this.#known.delete(file.identity);
    this.#open.set(file.identity, file);
    if (before) {
      if (!(await file.resume(before))) onRestarted();
    } else if (this.#isFirst && known.length === 0 && startAt === 'end' && !isReplay) await file.skip();
  }

  async #forget(identity: string, file: TrackedFile): Promise<void> {
    if (file.isWithinLine) this.#options.onTorn();
    this.#open.delete(identity);
    await file.close();
  }
}
