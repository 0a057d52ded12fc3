import assert from 'node:assert/strict';
import { ConfigError, describeProblem } from '../../../src/config/config-error.ts';
import { loadTexts, withProbe } from './sample-components.ts';

export type Options = Parameters<typeof loadTexts>[1];

/** The first lines of all problems: position, path and message. */
export function problemsOf(texts: string | readonly string[], options?: Options): readonly string[] {
  try {
    loadTexts([texts].flat(), options);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => describeProblem(problem).split('\n')[0] ?? '');
  }
}

export const warningsOf = (text: string, options?: Options) =>
  loadTexts([text], options).warnings.map((warning) => describeProblem(warning).split('\n')[0]);

export const probeConfig = (body: string, options?: Options) =>
  loadTexts([withProbe(body)], options).receivers.get('probe')?.config;
