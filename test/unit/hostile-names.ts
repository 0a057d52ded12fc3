/** Names that could steer a terminal, begin a line, hide, or look like another name. */
export const hostileNames: Readonly<Record<string, string>> = {
  'escape sequence': '\x1b[2J\x1b]0;title\x07',
  'eight-bit escape sequence': '\u009b2J\u009d0;title\u009c',
  'carriage return': 'evil\rroot cgroup',
  'end of line': 'evil\nError: forged',
  'line and paragraph separator': 'evil\u2028Error: \u2029forged',
  'other controls': '\0\b\t\v\f\x7f\u0085',
  bidirectional: '\u202eresu\u202c\u2066user\u2069\u200f',
  'zero width': 'us\u200be\u200cr\u200d\u2060\ufeff\u00ad',
  'other blanks and invisible letters': 'a\u00a0b\u3000c\u3164d\u{e0041}',
  'lone surrogates': '\ud83d evil \ude00',
  'its own escape': '\\u{1b}[2J',
  'a megabyte': 'x'.repeat(1_000_000),
};

/** Anything but the ends of lines that steers or is not seen. */
export const steers = /(?!\n)[\p{C}\p{DI}\p{Zl}\p{Zp}]/u;
