/** The texts for one batch. */
export interface Rendering {
  /** Numbers of what is inside. */
  readonly counts: string;
  /** A line for each item. */
  lines(): readonly string[];
  /** All fields of each item. */
  details(): readonly string[];
}
