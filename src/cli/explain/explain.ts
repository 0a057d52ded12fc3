import type { Command } from 'commander';
import { parseDuration, printDuration } from '../../config/schema/duration.ts';
import type { Reply } from '../../explanations/answer.ts';
import { defaultSocket } from '../../extensions/admin/endpoint.ts';
import { printable } from '../../printable.ts';
import { type Nanoseconds, seconds } from '../../telemetry/units.ts';
import { askAgent, socketIn, withSocket } from '../agent-socket.ts';
import { CommandError } from '../command-error.ts';
import { type ConfigOptions, load, withConfig } from '../config-options.ts';
import { end, print, report } from '../output.ts';
import { replayRecording } from './replay-recording.ts';
import { renderAnswer, renderRefusal } from './text.ts';

export interface ExplainOptions extends ConfigOptions {
  readonly since?: string;
  readonly json?: true;
  readonly socket?: string;
  readonly recording?: string;
}

export function addExplain(program: Command): void {
  const unless = `that of the extension admin in --config, or ${defaultSocket}`;
  withSocket(withConfig(program.command('explain <workload>')), unless)
    .description(
      'Say why a workload waits for CPU, and because of which others: of the running agent, or from a recording.',
    )
    .option(
      '--since <duration>',
      'explain so much of the newest time; default: 1m, of a recording its newest hour',
    )
    .option('--json', 'print the answer as JSON')
    .option(
      '--recording <file>',
      'explain a recording instead, with the settings of --config where it is given',
    )
    .action(async (workload: string, options: ExplainOptions) => {
      const { columns, isTTY } = process.stdout;
      const screen = { width: columns || 100, colour: isTTY === true && !process.env.NO_COLOR };
      const { stdout, stderr, code } = await explain(workload, options, screen);
      if (stdout !== '') print(stdout);
      if (stderr !== '') report(stderr);
      if (code !== 0) end(code);
    });
}

/** What the command prints, and its exit code. */
export interface Explained {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: 0 | 1;
}

export async function explain(
  workload: string,
  options: ExplainOptions,
  screen: Parameters<typeof renderAnswer>[1],
): Promise<Explained> {
  try {
    const reply = await replyTo(workload, options);
    const code = reply.kind === 'answer' ? 0 : 1;
    if (options.json) return { stdout: asJson(reply), stderr: '', code };
    return reply.kind === 'answer'
      ? { stdout: renderAnswer(reply.answer, screen), stderr: '', code }
      : { stdout: '', stderr: renderRefusal(reply, workload), code };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { stdout: '', stderr: `Error: ${printable(error.message)}`, code: 1 };
  }
}

async function replyTo(
  workload: string,
  { since: text, socket, recording, ...from }: ExplainOptions,
): Promise<Reply> {
  if (workload.trim() === '') throw new CommandError('cannot explain a workload without a name');
  const config = from.config.length > 0 ? await load(from) : undefined;
  if (recording === undefined) {
    const query = new URLSearchParams({ workload, since: printDuration(sinceOf(text ?? '1m')) });
    return askAgent<Reply>({
      socket: socket ?? socketIn(config),
      ...{ method: 'GET', path: `/v1/explain?${query}`, timeout: seconds(10) },
      kinds: ['answer', 'ambiguous', 'unknown', 'nothing'],
    });
  }
  const since = text === undefined ? undefined : sinceOf(text);
  return replayRecording({ file: recording, workload, since, config });
}

function sinceOf(text: string): Nanoseconds {
  const since = parseDuration(text);
  if (!since)
    throw new CommandError(`cannot explain the newest ${text}: --since is a duration like 30s, 5m or 1h`);
  return since;
}

const asJson = (reply: Reply) =>
  `${JSON.stringify(reply.kind === 'answer' ? reply.answer : reply, (_, value) => (typeof value === 'string' ? printable(value) : value), 2)}\n`;
