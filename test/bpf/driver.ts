import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../build/test/walk', import.meta.url));

/** The programs of `bpf/`, compiled for this process's machine: one child plays any number of schedules. */
export class Driver {
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;
  #errors = '';

  #last: Promise<unknown> = Promise.resolve();

  /** Plays lines from a fresh start; returns what was printed. Calls are played one after the other. */
  play(lines: readonly string[]): Promise<readonly string[]> {
    const answer = this.#last.then(() => this.#play(lines));
    this.#last = answer.catch(() => {}); // the caller has the error
    return answer;
  }

  async #play(lines: readonly string[]): Promise<readonly string[]> {
    const { child, printed } = this.#start();
    child.stdin?.write(`begin\n${lines.join('\n')}\nend\n`);
    const answer: string[] = [];
    for (;;) {
      const { value, done } = await printed.next();
      if (done) {
        if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
        this.#child = undefined;
        throw new Error(`the programs failed (${child.exitCode ?? child.signalCode}):\n${this.#errors}`);
      }
      if (value === 'end') return answer;
      answer.push(value);
    }
  }

  close(): void {
    this.#child?.stdin?.end();
    this.#child = undefined;
  }

  #start(): { readonly child: ChildProcess; readonly printed: AsyncIterator<string> } {
    if (this.#child && this.#lines) return { child: this.#child, printed: this.#lines };
    const child = spawn(program, { stdio: 'pipe' });
    this.#errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    child.stdin.on('error', () => {}); // the child is gone: its output ends, which `play` reports
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, printed: this.#lines };
  }
}
