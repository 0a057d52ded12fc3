import type { Native, NativeObject, StructLayout } from './native.ts';
import { offsetOf } from './u64.ts';

/** A struct's size, and the byte offset of each member that is read. */
export type Layout<Member extends string> = { readonly size: number } & Readonly<Record<Member, number>>;

/** Types of an object from its BTF, so that no offset and no value is typed twice. */
export interface Btf {
  /** Throws for a struct or a member that the object does not have. */
  layout<Member extends string>(struct: string, members: readonly Member[]): Layout<Member>;
  /** Elements of an array member. */
  lengthOf(struct: string, member: string): number;
  /** Values of an enum by name, without its prefix, in lower case and without its `COUNT`. */
  names(enumeration: string, prefix: string): Readonly<Record<string, number>>;
}

export function btfOf(native: Pick<Native, 'structLayout' | 'enumValues'>, object: NativeObject): Btf {
  return {
    layout: (struct, members) => layout(native.structLayout(object, struct), members),
    lengthOf: (struct, member) => native.structLayout(object, struct).members[member]?.length ?? 0,
    names: (enumeration, prefix) => plainNames(native.enumValues(object, enumeration), prefix),
  };
}

function layout<Member extends string>(struct: StructLayout, members: readonly Member[]): Layout<Member> {
  const offsets = Object.fromEntries(members.map((member) => [member, offsetOf(struct, member)]));
  return { size: struct.size, ...offsets } as Layout<Member>;
}

function plainNames(values: Readonly<Record<string, number>>, prefix: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name.startsWith(prefix) && name !== `${prefix}COUNT`)
      .map(([name, value]) => [name.slice(prefix.length).toLowerCase(), value]),
  );
}

/** The value of a name that the code depends on: without it the object is another than the one it was written for. */
export function required(values: Readonly<Record<string, number>>, name: string): number {
  const value = values[name];
  if (value === undefined) throw new Error(`cannot decode kernel data: no enum value "${name}"`);
  return value;
}
