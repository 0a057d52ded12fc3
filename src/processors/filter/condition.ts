import { regularExpression, regularExpressionProblem } from '../../attributes/pattern.ts';
import { textOf, valueIn } from '../../attributes/value.ts';
import { compare, type Operator } from './compare.ts';
import { enums } from './enums.ts';
import { type Context, type Path, type Place, pathOf, type Subject, type Value } from './paths.ts';
import { ConditionError, type Token, tokensOf, unquote } from './tokens.ts';

export interface Condition {
  /** Throws where a value cannot be indexed. */
  readonly test: (of: Subject) => boolean;
  /** The lowest context that it looks at; where it is written for one, that. */
  readonly context: Context;
}

type Test = Condition['test'];

/** A value, or what yields a truth value and can stand alone. */
interface Operand {
  readonly get: (of: Subject) => Value;
  readonly isTruth: boolean;
}

const order: readonly Context[] = ['resource', 'scope', 'metric', 'datapoint', 'log', 'span', 'spanevent'];

/** The part of OTTL that docs/FILTER.md describes. Throws `ConditionError`. */
export function parseCondition(text: string, place: Place): Condition {
  const parser = new Parser(tokensOf(text), place);
  const test = parser.condition();
  return { test, context: place.context ?? parser.context };
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #place: Place;
  readonly #seen = new Set<Context>();
  #at = 0;

  constructor(tokens: readonly Token[], place: Place) {
    this.#tokens = tokens;
    this.#place = place;
  }

  get context(): Context {
    return order.findLast((each) => this.#seen.has(each)) ?? 'resource';
  }

  condition(): Test {
    if (this.#tokens.length === 1) throw new ConditionError('the condition is empty', 1);
    const test = this.#or();
    if (this.#next.kind !== 'end') throw this.#unexpected('"and", "or" or the end');
    return test;
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', column: 1 };
  }

  #take(): Token {
    const token = this.#next;
    this.#at += 1;
    return token;
  }

  #is(text: string): boolean {
    return this.#next.kind !== 'string' && this.#next.text === text;
  }

  #accept(text: string): boolean {
    const isNext = this.#is(text);
    if (isNext) this.#at += 1;
    return isNext;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected(`"${text}"`);
  }

  #unexpected(wanted: string): ConditionError {
    const { kind, text, column } = this.#next;
    if (kind === 'mark' && '+-*/'.includes(text))
      return new ConditionError(`arithmetic ("${text}") is not supported`, column);
    if (text === '=') return new ConditionError('"=" compares nothing: write "=="', column);
    if (kind === 'number' && /^[+-]/.test(text))
      return new ConditionError(`arithmetic ("${text[0]}") is not supported`, column);
    return new ConditionError(`${wanted} expected, not ${kind === 'end' ? 'the end' : `"${text}"`}`, column);
  }

  #or(): Test {
    const tests = [this.#and()];
    while (this.#accept('or')) tests.push(this.#and());
    return tests.length === 1 && tests[0] ? tests[0] : (of) => tests.some((test) => test(of));
  }

  #and(): Test {
    const tests = [this.#unary()];
    while (this.#accept('and')) tests.push(this.#unary());
    return tests.length === 1 && tests[0] ? tests[0] : (of) => tests.every((test) => test(of));
  }

  #unary(): Test {
    if (this.#accept('not')) {
      const test = this.#unary();
      return (of) => !test(of);
    }
    if (this.#accept('(')) {
      const test = this.#or();
      this.#expect(')');
      return test;
    }
    return this.#comparison();
  }

  #comparison(): Test {
    const left = this.#operand();
    if (this.#next.kind !== 'operator') {
      if (!left.isTruth) throw this.#unexpected('a comparison such as "=="');
      return (of) => left.get(of) === true;
    }
    const operator = this.#take().text as Operator; // the pattern has these alone
    const right = this.#operand();
    return (of) => compare(left.get(of), operator, right.get(of));
  }

  #operand(): Operand {
    const token = this.#next;
    if (token.kind === 'string') {
      this.#at += 1;
      return constant(unquote(token));
    }
    if (token.kind === 'number') {
      this.#at += 1;
      return constant(Number(token.text));
    }
    if (token.kind === 'word') return this.#word();
    if (token.kind === 'bytes') throw new ConditionError('bytes ("0x…") are not supported', token.column);
    if (token.text === '[') throw new ConditionError('lists are not supported', token.column);
    if (token.text === '{') throw new ConditionError('maps are not supported', token.column);
    throw this.#unexpected('a value');
  }

  #word(): Operand {
    const { text, column } = this.#take();
    if (text === 'true' || text === 'false') return { ...constant(text === 'true'), isTruth: true };
    if (text === 'nil') return constant(null);
    if (text === 'and' || text === 'or' || text === 'not') {
      this.#at -= 1;
      throw this.#unexpected('a value');
    }
    if (this.#is('(')) return { get: this.#call(text, column), isTruth: true };
    const number = enums.get(text);
    if (number !== undefined) return constant(number);
    if (/^[A-Z]/.test(text)) throw new ConditionError(`there is no enum "${text}"`, column);
    return { get: this.#path(text, column), isTruth: false };
  }

  #path(first: string, column: number): (of: Subject) => Value {
    const segments = [first];
    while (this.#accept('.')) {
      const { kind, text } = this.#next;
      if (kind !== 'word') throw this.#unexpected('the name of a field');
      segments.push(text);
      this.#at += 1;
    }
    const path = pathOf(segments, this.#place);
    if (typeof path === 'string') throw new ConditionError(path, column);
    this.#seen.add(path.context);
    return this.#indexed(path, { written: segments.join('.'), column });
  }

  #indexed({ get, keys }: Path, { written, column }: { written: string; column: number }) {
    const chain: (string | number)[] = [];
    while (this.#is('[')) {
      const at = this.#take().column;
      if (keys === 'none') throw new ConditionError(`"${written}" has no keys`, at);
      chain.push(this.#key());
      this.#expect(']');
    }
    if (keys === 'needed' && chain.length === 0)
      throw new ConditionError(`"${written}" needs a key: ${written}["…"]`, column);
    return (of: Subject) => chain.reduce<Value>(valueAt, get(of) ?? null);
  }

  #key(): string | number {
    const token = this.#next;
    if (token.kind !== 'string' && !(token.kind === 'number' && /^\d+$/.test(token.text)))
      throw new ConditionError('a key is a text between double quotes, or a whole number', token.column);
    this.#at += 1;
    return token.kind === 'string' ? unquote(token) : Number(token.text);
  }

  #call(name: string, column: number): Test {
    this.#expect('(');
    const shape = functions[name];
    if (shape === undefined) {
      const known = Object.keys(functions).join(', ');
      throw new ConditionError(`function "${name}" is not supported; there are ${known}`, column);
    }
    if (shape.of !== undefined && !this.#isIn(shape.of))
      throw new ConditionError(`function "${name}" is for conditions of a ${shape.of} alone`, column);
    if (shape.of !== undefined) this.#seen.add(shape.of);
    const test = shape.parse({
      operand: () => this.#operand(),
      text: () => this.#text(),
      pattern: () => this.#pattern(),
      comma: () => this.#expect(','),
    });
    this.#expect(')');
    return test;
  }

  #isIn(wanted: Context): boolean {
    const { context, lowest } = this.#place;
    return context === undefined ? lowest.includes(wanted) : context === wanted;
  }

  #text(): string {
    if (this.#next.kind !== 'string') throw this.#unexpected('a text between double quotes');
    return unquote(this.#take());
  }

  #pattern(): RegExp {
    const { column } = this.#next;
    const source = this.#text();
    const problem = regularExpressionProblem(source);
    if (problem !== undefined) throw new ConditionError(`"${source}" ${problem}`, column);
    return regularExpression(source);
  }
}

interface Arguments {
  operand(): Operand;
  text(): string;
  pattern(): RegExp;
  comma(): void;
}

interface Shape {
  /** The context that it is for; absent: any. */
  readonly of?: Context;
  parse(from: Arguments): Test;
}

const anyPoint = ({ metric }: Subject, test: (attributes: Readonly<Record<string, unknown>>) => boolean) =>
  metric?.dataPoints.some(({ attributes }) => test(attributes)) ?? false;

const functions: Readonly<Record<string, Shape>> = {
  IsMatch: {
    parse({ operand, pattern, comma }) {
      const { get } = operand();
      comma();
      const matching = pattern();
      return (of) => {
        const value = get(of);
        return (
          value !== null && matching.test(typeof value === 'object' ? JSON.stringify(value) : textOf(value))
        );
      };
    },
  },
  HasAttrKeyOnDatapoint: {
    of: 'metric',
    parse({ text }) {
      const key = text();
      return (of) => anyPoint(of, (attributes) => Object.hasOwn(attributes, key));
    },
  },
  HasAttrOnDatapoint: {
    of: 'metric',
    parse({ text, comma }) {
      const key = text();
      comma();
      const value = text();
      return (of) =>
        anyPoint(of, (attributes) => Object.hasOwn(attributes, key) && attributes[key] === value);
    },
  },
};

const constant = (value: Value): Operand => ({ get: () => value, isTruth: false });

/** An element of a list, or of a map; of what is absent nothing. */
function valueAt(of: Value, key: string | number): Value {
  if (of === null) return null;
  if (typeof key === 'string' && typeof of === 'object' && !Array.isArray(of))
    return valueIn(of as Parameters<typeof valueIn>[0], key) ?? null;
  if (typeof key === 'number' && Array.isArray(of)) return (of[key] as Value | undefined) ?? null;
  throw new Error(`a ${Array.isArray(of) ? 'list' : typeof of} has no key ${JSON.stringify(key)}`);
}
