const grammar = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([numkMGTPE]?)|([KMGTPE])i|[eE]([+-]?\d{1,4}))$/;
const decimalExponent: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binarySuffixes = 'KMGTPE';

/**
 * A quantity as Kubernetes writes it: `250m`, `0.5`, `1`, `100u`, `1e3`, `2Ki`. The nearest double, so that `100m` is
 * exactly 0.1; undefined: not a quantity. A server may round up to whole milli-units before it uses one; this does not.
 */
export function parseQuantity(text: string): number | undefined {
  const [, sign, digits, decimal, binary, exponent] = grammar.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value =
    binary === undefined
      ? // Read as one decimal number: a multiplication would round a second time.
        Number(`${digits}e${exponent ?? decimalExponent[decimal ?? '']}`)
      : Number(digits) * 1024 ** (binarySuffixes.indexOf(binary) + 1);
  if (!Number.isFinite(value)) return undefined;
  return sign === '-' ? -value : value;
}
