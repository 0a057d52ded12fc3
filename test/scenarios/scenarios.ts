import { contention } from './contention.ts';
import { courses } from './courses.ts';
import { kernelWork } from './kernel-work.ts';
import { limits } from './limits.ts';
import type { Scenario } from './scenario.ts';
import { tools } from './tools.ts';

export const scenarios: readonly Scenario[] = [...contention, ...limits, ...courses, ...tools, ...kernelWork];
