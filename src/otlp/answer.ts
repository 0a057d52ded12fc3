import type { Outcome, Payload } from '../component.ts';
import { codecOf } from '../telemetry/otlp.ts';
import type { OtlpEncoding } from '../telemetry/otlp-codec.ts';

export interface Answered {
  readonly answer: Uint8Array;
  readonly encoding: OtlpEncoding;
  /** Of the destination, for a person to read. */
  readonly address: string;
}

/** What the answer of a server that took a request says about its items. */
export function outcomeOf({ signal }: Payload, { answer, encoding, address }: Answered): Outcome {
  try {
    const { rejected, message } = codecOf(signal).readAnswer(answer, encoding);
    if (rejected > 0)
      return { kind: 'partial', rejected, reason: `${address} rejected ${rejected}: ${message}` };
    if (message === '') return { kind: 'accepted' };
    return { kind: 'partial', rejected, reason: `${address} accepted all, with a warning: ${message}` };
  } catch {
    // The address of the server helps more than the position of the decoder's error.
    const reason = `${address} answered with something that is not OTLP; what listens there?`;
    return { kind: 'refused', reason };
  }
}
