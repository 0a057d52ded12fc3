import { htmlText } from '../../printable.ts';
import type { Page, Row } from './pages.ts';

/** A page without anything from elsewhere. All texts are escaped: names and reasons are other people's. */
export function htmlPage({ title, tables, text }: Page, links: readonly string[]): string {
  const navigation = links.map((path) => link(path, path)).join(' ');
  const sections = Object.entries(tables).map(
    ([name, rows]) => `<h2>${htmlText(name)}</h2>\n${rows.length > 0 ? table(rows) : '<p>None.</p>'}`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${htmlText(title)}</title>
<style>body{font-family:sans-serif}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:2px 8px;text-align:left}</style>
</head><body><nav>${navigation}</nav>
<h1>${htmlText(title)}</h1>
${sections.join('\n')}
${text === undefined ? '' : `<pre>${htmlText(text)}</pre>`}
</body></html>
`;
}

const link = (path: string, text: string) => `<a href="${htmlText(path)}">${htmlText(text)}</a>`;

function table(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const head = columns.map((name) => `<th>${htmlText(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${columns.map((name) => cell(name, row[name])).join('')}</tr>`);
  return `<table><tr>${head}</tr>\n${body.join('\n')}\n</table>`;
}

const cell = (name: string, value: string | number = '') =>
  `<td>${name === 'sample' ? link(String(value), 'next batch') : htmlText(String(value))}</td>`;
