import { type Closable, serviceRef } from '../component.ts';
import type { Weight } from './files/files.ts';
import type { CgroupWeights } from './weights.ts';

/** Weights of cgroups of other machines: a receiver that replays a recording knows those of its machine. */
export interface RecordedWeights extends Closable {
  /** By the title of a recording; of one that nobody replays none are known. */
  of(recording: string): Pick<CgroupWeights, 'find'>;
  /** By path, until the function that it returns is called. */
  provide(recording: string, weights: ReadonlyMap<string, Weight>): () => void;
}

export const recordedWeights = serviceRef({
  id: 'recorded_weights',
  open: async (): Promise<RecordedWeights> => {
    const byRecording = new Map<string, ReadonlyMap<string, Weight>>();
    return {
      of: (recording) => ({ find: (path) => byRecording.get(recording)?.get(path) }),
      provide(recording, weights) {
        byRecording.set(recording, weights);
        return () => {
          if (byRecording.get(recording) === weights) byRecording.delete(recording);
        };
      },
      close: async () => byRecording.clear(),
    };
  },
});
