import type { Link } from './bpf.ts';
import type { Native, NativeObject, Target } from './native.ts';

export function openLink(
  native: Native,
  object: NativeObject,
  {
    program,
    to,
    isOpen,
  }: { readonly program: string; readonly to: Target | undefined; readonly isOpen: () => boolean },
): Link {
  const link = native.attachProgram(object, program, to);
  let isAttached = true;
  return {
    detach() {
      if (isAttached && isOpen()) native.detach(object, link);
      isAttached = false;
    },
  };
}
