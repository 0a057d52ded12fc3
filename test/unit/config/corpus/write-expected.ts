/**
 * Writes what is printed now into the entries without `stderr`, and with `--all` into each of them: look at every difference.
 *
 *     test/unit/config/corpus/write-expected.ts [--all]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { isMap, isSeq, type ParsedNode, parseDocument, Scalar } from 'yaml';
import { corpusFiles, type Entry, stderrOf } from './entry.ts';

/** Only in double quotes, where the YAML library leaves them as they are. */
const invisible = /[\u007f-\u00a0\u200b-\u200f\u202a-\u202f\u2066-\u2069\ufeff]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

const all = process.argv.includes('--all');
for (const file of corpusFiles) {
  const document = parseDocument<ParsedNode, false>(readFileSync(file, 'utf8'));
  if (!isSeq(document.contents)) throw new Error(`${file} is no list of entries`);
  for (const item of document.contents.items) {
    if (!isMap(item)) throw new Error(`an entry of ${file} is no map`);
    if (item.has('stderr') && !all) continue;
    const stderr = await stderrOf(item.toJSON() as Entry);
    const text = new Scalar(stderr);
    text.type = Scalar.BLOCK_LITERAL;
    Object.assign(item, {
      items: [
        ...item.items.filter(({ key }) => String(key) !== 'stderr'),
        document.createPair('stderr', text),
      ],
    });
  }
  writeFileSync(file, document.toString({ lineWidth: 0 }).replaceAll(invisible, escaped));
}
