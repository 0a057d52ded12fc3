/**
 * Code points with which a text could steer a terminal, begin a line of its own, change its order or look like another
 * text: controls, formats (bidirectional, zero width), blanks other than the space, what is invisible or unassigned, and
 * lone surrogates. The backslash, only where it would look like an escape.
 */
const unprintable = /[\p{C}\p{DI}[\p{Z}--\x20]]|\\(?=u\{)/gv;

/** The longest path a kernel takes; labels and a server's words can be longer. */
const longest = 4096;

/**
 * One line of a text that other people choose (names of threads and cgroups, labels, a server's words), as it is safe to
 * print: `\u{1b}` for an escape. Different texts stay different, up to the length at which the rest is counted only.
 */
export function printable(text: string): string {
  if (text.length <= longest) return escaped(text, codePoint);
  return `${escaped(text.slice(0, longest), codePoint)}… (${text.length - longest} more)`;
}

/** The same for a text of several lines whose ends are the agent's own. */
export const printableLines = (text: string) => text.split('\n').map(printable).join('\n');

const codePoint = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** For notations with an escape of their own. */
export function escaped(text: string, escapeOf: (character: string) => string): string {
  return text.replace(unprintable, escapeOf);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The same in HTML, as text or as the value of an attribute in quotes. */
export const htmlText = (text: string) =>
  printableLines(text).replace(/[&<>"']/g, (of) => entities[of] ?? of);
