import type { Applied } from '../../component.ts';

export type ReloadReply =
  | ({ readonly kind: 'applied' } & Applied)
  /** The configuration that ran goes on. Each problem is printable, with its line. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  /** The change, or the end of the agent, closes the socket on which the answer would come. */
  | { readonly kind: 'closing' };
