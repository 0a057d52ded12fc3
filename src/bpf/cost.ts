import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';
import type { Native, NativeObject } from './native.ts';

export interface CostMeasurement {
  /** To be called once, before the object is closed. */
  end(): { readonly programs: readonly ProgramCost[]; readonly elapsed: Nanoseconds };
}

/** Over all CPUs. */
export interface ProgramCost {
  readonly name: string;
  readonly runs: number;
  readonly runTime: Nanoseconds;
}

/** Measures until asked for the result. Throws where this process may not (CAP_SYS_ADMIN) or the kernel cannot (before 5.8). */
export function measureCost(native: Native, object: NativeObject): CostMeasurement {
  const token = native.enableStatistics();
  const began = native.monotonic();
  const before = native.programs(object);
  return {
    end() {
      native.disableStatistics(token);
      const programs = native.programs(object).map(({ name, runCount, runTimeNs }, position) => ({
        name,
        runs: Number(runCount - (before[position]?.runCount ?? 0n)),
        runTime: nanoseconds(Number(runTimeNs - (before[position]?.runTimeNs ?? 0n))),
      }));
      return { programs, elapsed: nanoseconds(Number(native.monotonic() - began)) };
    },
  };
}
