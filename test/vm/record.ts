/** What a virtual machine sends, a line of JSON each. */
export type GuestRecord =
  | { readonly kind: 'kernel'; readonly release: string; readonly upMs: number }
  | { readonly kind: 'load'; readonly loadMs: number; readonly verified: Readonly<Record<string, number>> }
  | {
      readonly kind: 'test';
      /** As `--tests` has it. */
      readonly suite: string;
      readonly name: string;
      readonly ms: number;
      readonly outcome: 'passed' | 'failed' | 'skipped';
      readonly text: string;
    }
  | { readonly kind: 'diagnostic'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  /** What the scheduler programs miss on this kernel; no test follows. */
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'end' };
