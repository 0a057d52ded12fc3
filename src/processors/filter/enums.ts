/** Number zero first, as OTLP has them. */
const numbered = (prefix: string, names: readonly string[]) =>
  names.map((name, number) => [`${prefix}_${name}`, number] as const);

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [
  name,
  ...[2, 3, 4].map((degree) => `${name}${degree}`),
]);

/** Names of severities, `TRACE` to `FATAL4`, with their numbers. */
export const severityNumbers: ReadonlyMap<string, number> = new Map(
  severities.map((name, index) => [name, index + 1]),
);

/** OTTL's enums of the fields that conditions have. */
export const enums: ReadonlyMap<string, number> = new Map([
  ...numbered('METRIC_DATA_TYPE', ['NONE', 'GAUGE', 'SUM', 'HISTOGRAM', 'EXPONENTIAL_HISTOGRAM', 'SUMMARY']),
  ...numbered('AGGREGATION_TEMPORALITY', ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']),
  ...numbered('SEVERITY_NUMBER', ['UNSPECIFIED', ...severities]),
  ...numbered('SPAN_KIND', ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']),
  ...numbered('STATUS_CODE', ['UNSET', 'OK', 'ERROR']),
]);
