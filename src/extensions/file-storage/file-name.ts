import { createHash } from 'node:crypto';

/** Of 255 that file systems allow, with room for what is appended. */
const longest = 150;

/** Of a component's key (`connector noisy_neighbor/a`): readable, and different for each. */
export function fileName(component: string): string {
  const escaped = component
    .replace(' ', '-')
    .replace(/[^\w-]/gu, (character) =>
      [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
    );
  if (escaped.length <= longest) return `${escaped}.db`;
  const hash = createHash('sha256').update(component).digest('hex').slice(0, 16);
  return `${escaped.slice(0, longest)}%-${hash}.db`;
}
