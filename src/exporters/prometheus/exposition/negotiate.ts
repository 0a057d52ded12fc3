/** A way to write what is shown, as a reader asks for it. */
export interface Format {
  readonly kind: 'text' | 'openmetrics' | 'protobuf';
  /** Names may have any characters. */
  readonly utf8: boolean;
  readonly contentType: string;
}

interface Accepted {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

const protobufType = 'application/vnd.google.protobuf';

/** What the reader wants most of what there is; text 0.0.4 for one that asks for nothing known. */
export function formatFor(
  accept: string | undefined,
  { openMetrics }: { readonly openMetrics: boolean },
): Format {
  const wanted = (accept ?? '')
    .split(',')
    .map(parse)
    .sort((a, b) => b.quality - a.quality);
  for (const { type, parameters, quality } of wanted) {
    if (quality === 0) continue;
    const utf8 = parameters.escaping === 'allow-utf-8';
    const escaping = utf8 ? '; escaping=allow-utf-8' : '';
    if (type === protobufType && isFamilies(parameters)) {
      const contentType = `${protobufType}; proto=io.prometheus.client.MetricFamily; encoding=delimited${escaping}`;
      return { kind: 'protobuf', utf8, contentType };
    }
    if (type === 'application/openmetrics-text' && openMetrics) {
      const version = parameters.version === '0.0.1' ? '0.0.1' : '1.0.0';
      if (parameters.version !== undefined && parameters.version !== version) continue;
      const contentType = `${type}; version=${version}; charset=utf-8${version === '1.0.0' ? escaping : ''}`;
      return { kind: 'openmetrics', utf8: utf8 && version === '1.0.0', contentType };
    }
    if (type === 'text/plain' && parameters.version === '1.0.0' && utf8)
      return { kind: 'text', utf8, contentType: `${type}; version=1.0.0; charset=utf-8${escaping}` };
    if (type === 'text/plain' && (parameters.version ?? '0.0.4') === '0.0.4') return plain;
  }
  return plain;
}

const plain: Format = { kind: 'text', utf8: false, contentType: 'text/plain; version=0.0.4; charset=utf-8' };

const isFamilies = ({ proto, encoding }: Accepted['parameters']) =>
  proto === 'io.prometheus.client.MetricFamily' && encoding === 'delimited';

function parse(entry: string): Accepted {
  const [type = '', ...rest] = entry.split(';').map((part) => part.trim());
  const parameters = Object.fromEntries(
    rest.map((parameter) => {
      const [key = '', value = ''] = parameter.split(/=(.*)/s);
      return [key.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')];
    }),
  );
  const quality = Number(parameters.q ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}
