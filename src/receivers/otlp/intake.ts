import type { Deliver, Host, Outcome } from '../../component.ts';
import type { RpcStatus } from '../../otlp/status-message.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { messageOf } from '../../telemetry/health.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import type { OtlpAnswer, OtlpEncoding } from '../../telemetry/otlp-codec.ts';
import { type Bytes, seconds } from '../../telemetry/units.ts';
import { MalformedError } from '../../telemetry/wire/malformed-error.ts';
import { intakeCounters } from './emits.ts';

/** Codes of gRPC, which OTLP over HTTP has in bodies too. */
export const codes = {
  invalidArgument: 3,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

export interface ReceivedRequest {
  readonly signal: OtlpSignal;
  readonly bytes: Uint8Array;
  readonly encoding: OtlpEncoding;
  readonly transport: 'grpc' | 'http';
}

export type Reply =
  | { readonly kind: 'taken'; readonly answer: OtlpAnswer }
  | { readonly kind: 'refused'; readonly status: RpcStatus };

/** Room for the bytes of one request, until it is answered. */
export interface Room {
  /** False: there is no more. */
  add(bytes: number): boolean;
  free(): void;
}

/** Where requests of both protocols become batches; bounds what is under way. */
export interface Intake {
  readonly signals: ReadonlySet<OtlpSignal>;
  listen(deliver: Deliver): void;
  /** Turns away what comes from now on; resolves when all that was taken is answered. */
  stop(): Promise<void>;
  /** Undefined: it takes nothing now, counted; the reply says so. */
  room(): Room | undefined;
  take(request: ReceivedRequest): Promise<Reply>;
  /** Turned away unread. */
  deferred(reason: 'busy' | 'stopping'): Reply;
  rejected(reason: string, by: string): void;
}

const retryAfter = seconds(1);

export function createIntake(host: Host, maxBytes: Bytes): Intake {
  const { counters, id } = host;
  let deliver: Deliver | undefined;
  let bytes = 0;
  const rooms = new Set<Room>();
  const idle = Promise.withResolvers<void>();

  function room(): Room {
    let own = 0;
    const one: Room = {
      add(more) {
        if (bytes + more > maxBytes) return false;
        bytes += more;
        own += more;
        return true;
      },
      free() {
        bytes -= own;
        own = 0;
        rooms.delete(one);
        if (deliver === undefined && rooms.size === 0) idle.resolve();
      },
    };
    rooms.add(one);
    return one;
  }

  function deferred(reason: 'busy' | 'stopping'): Reply {
    counters.add(intakeCounters.deferred, 1, { receiver: id, reason });
    return {
      kind: 'refused',
      status:
        reason === 'busy'
          ? { code: codes.resourceExhausted, message: 'too many bytes are under way', after: retryAfter }
          : { code: codes.unavailable, message: 'the agent is starting or stopping', after: retryAfter },
    };
  }

  function rejected(reason: string, transport: string): void {
    counters.add(intakeCounters.rejected, 1, { receiver: id, transport, reason });
  }

  function decode({ signal, bytes: request, encoding, transport }: ReceivedRequest): Batch | string {
    try {
      return codecOf(signal).decode(request, encoding);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      rejected('malformed', transport);
      return error.message;
    }
  }

  async function take(request: ReceivedRequest): Promise<Reply> {
    if (deliver === undefined) return deferred('stopping');
    const { transport } = request;
    try {
      const batch = decode(request);
      if (typeof batch === 'string')
        return { kind: 'refused', status: { code: codes.invalidArgument, message: batch } };
      return replyOf(await deliver(batch, { transport }));
    } catch (error) {
      const message = messageOf(error);
      host.log.error({ error: message, transport }, 'A request could not be handled.');
      rejected('error', transport);
      return { kind: 'refused', status: { code: codes.internal, message } };
    }
  }

  return {
    signals: new Set([...host.signals].filter((signal) => signal !== 'profiles')),
    listen(into) {
      deliver = into;
    },
    async stop() {
      deliver = undefined;
      if (rooms.size > 0) await idle.promise;
    },
    room: () => (deliver === undefined ? undefined : room()),
    take,
    deferred,
    rejected,
  };
}

function replyOf(outcome: Outcome): Reply {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'taken', answer: { rejected: 0, message: '' } };
    case 'partial':
      return { kind: 'taken', answer: { rejected: outcome.rejected, message: outcome.reason } };
    case 'refused':
      return { kind: 'refused', status: { code: codes.internal, message: outcome.reason } };
    case 'retry': {
      const code = outcome.code === 'shutdown' ? codes.unavailable : codes.resourceExhausted;
      const after = outcome.after ?? retryAfter;
      return { kind: 'refused', status: { code, message: outcome.reason, after } };
    }
  }
}
