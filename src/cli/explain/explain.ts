import type { Command } from 'commander';
import { parseDuration } from '../../config/schema/duration.ts';
import type { Reply } from '../../explanations/answer.ts';
import { defaultSocket } from '../../extensions/admin/endpoint.ts';
import { printable } from '../../printable.ts';
import type { Nanoseconds } from '../../telemetry/units.ts';
import { type ConfigOptions, load, withConfig } from '../config-options.ts';
import { end, print, report } from '../output.ts';
import { askAgent, socketIn } from './ask-agent.ts';
import { ExplainError } from './explain-error.ts';
import { replayRecording } from './replay-recording.ts';
import { renderAnswer, renderRefusal } from './text.ts';

interface ExplainOptions extends ConfigOptions {
  readonly since?: string;
  readonly json?: true;
  readonly socket?: string;
  readonly recording?: string;
}

export function addExplain(program: Command): void {
  withConfig(program.command('explain <workload>'))
    .description(
      'Say why a workload waits for CPU, and because of which others: of the running agent, or from a recording.',
    )
    .option(
      '--since <duration>',
      'explain so much of the newest time; default: 1m, of a recording its newest hour',
    )
    .option('--json', 'print the answer as JSON')
    .option(
      '--socket <path>',
      `socket of the agent; default: that of the extension admin in --config, or ${defaultSocket}`,
    )
    .option(
      '--recording <file>',
      'explain a recording instead, with the settings of --config where it is given',
    )
    .action(explain);
}

async function explain(workload: string, options: ExplainOptions): Promise<void> {
  const reply = await replyTo(workload, options).catch((error: unknown) => {
    if (!(error instanceof ExplainError)) throw error;
    report(`Error: ${printable(error.message)}`);
    end(1);
  });
  if (!reply) return;
  if (options.json) print(asJson(reply));
  if (reply.kind !== 'answer') {
    if (!options.json) report(renderRefusal(reply, workload));
    end(1);
  } else if (!options.json) {
    const { columns, isTTY } = process.stdout;
    print(
      renderAnswer(reply.answer, { width: columns || 100, colour: isTTY === true && !process.env.NO_COLOR }),
    );
  }
}

async function replyTo(
  workload: string,
  { since: text, socket, recording, ...from }: ExplainOptions,
): Promise<Reply> {
  if (workload.trim() === '') throw new ExplainError('cannot explain a workload without a name');
  const config = from.config.length > 0 ? load(from) : undefined;
  if (recording === undefined)
    return askAgent({ path: socket ?? socketIn(config), workload, since: sinceOf(text ?? '1m') });
  const since = text === undefined ? undefined : sinceOf(text);
  return replayRecording({ file: recording, workload, since, config });
}

function sinceOf(text: string): Nanoseconds {
  const since = parseDuration(text);
  if (!since)
    throw new ExplainError(`cannot explain the newest ${text}: --since is a duration like 30s, 5m or 1h`);
  return since;
}

const asJson = (reply: Reply) =>
  `${JSON.stringify(reply.kind === 'answer' ? reply.answer : reply, (_, value) => (typeof value === 'string' ? printable(value) : value), 2)}\n`;
