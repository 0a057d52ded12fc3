import { isDeepStrictEqual } from 'node:util';
import type { Value } from './paths.ts';

export const operators = ['==', '!=', '<', '<=', '>', '>='] as const;
export type Operator = (typeof operators)[number];

const byOrder: Readonly<Record<Operator, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** By OTTL's rules: values of different types are not equal, and none of them is the smaller; `nil` equals `nil` alone. */
export function compare(left: Value, operator: Operator, right: Value): boolean {
  if (left === null && right === null) return byOrder[operator](0);
  if (left !== null && right !== null && typeof left !== 'object' && typeof left === typeof right)
    return byOrder[operator](orderOf(left, right));
  const isEqual = isDeepStrictEqual(left, right);
  return operator === '==' ? isEqual : operator === '!=' && !isEqual;
}

/** NaN for NaN, which is not equal to anything. */
const orderOf = <T extends NonNullable<Value>>(left: T, right: T) =>
  left === right ? 0 : left < right ? -1 : left > right ? 1 : Number.NaN;
