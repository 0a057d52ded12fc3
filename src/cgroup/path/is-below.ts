/** Whether a path is `root` or below it. */
export function isBelow(root: string, path: string): boolean {
  return root === '/' || path === root || path.startsWith(`${root.replace(/\/$/, '')}/`);
}
