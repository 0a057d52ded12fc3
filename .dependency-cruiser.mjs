/**
 * Which folder of `src/` may import which: ARCHITECTURE.md draws the same picture.
 *
 * Each layer imports from layers above it in this list, never from those below.
 */
const layers = [
  ['version.ts', 'printable.ts', 'store.ts', 'telemetry'],
  ['machine', 'net'],
  ['bpf'],
  ['component.ts'],
  ['config'],
  ['client'],
  ['otlp'],
  ['cgroup'],
  ['attributes', 'identity', 'views', 'explanations'],
  ['receivers', 'processors', 'connectors', 'exporters', 'extensions'],
  ['delivery', 'own-telemetry'],
  ['runtime'],
  ['components.ts', 'log.ts', 'log-sampling.ts'],
  ['cli'],
  ['main.ts'],
];

const components = 'receivers|processors|connectors|exporters|extensions';
/** A file ends where its name does, a folder with its slash. */
const pathOf = (names) => `^src/(${names.map((name) => (name.endsWith('.ts') ? `${name}$` : `${name}/`)).join('|')})`;

const layerRules = layers.slice(0, -1).map((names, at) => ({
  name: `no-import-upward-from-${names[0].replace('.ts', '')}`,
  severity: 'error',
  comment: `${names.join(', ')} must not know what is built on top`,
  from: { path: pathOf(names) },
  to: { path: pathOf(layers.slice(at + 1).flat()) },
}));

export default {
  forbidden: [
    ...layerRules,
    {
      name: 'no-circle',
      severity: 'error',
      comment: 'Modules in a circle can be understood and tested only together.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'components-are-islands',
      severity: 'error',
      comment: 'A component is replaced or removed without touching another.',
      from: { path: `^src/((?:${components})/[^/]+)` },
      to: { path: `^src/(?:${components})/`, pathNot: '^src/$1(/|$)' },
    },
    {
      name: 'runtime-knows-no-component',
      severity: 'error',
      comment: 'The runtime runs whatever `components.ts` lists.',
      from: { path: '^src/(runtime|delivery)/' },
      to: { path: `^src/(?:${components})/` },
    },
    {
      name: 'every-folder-has-a-layer',
      severity: 'error',
      comment: 'Add the folder to `layers` in .dependency-cruiser.mjs.',
      from: {},
      to: { path: '^src/', pathNot: pathOf(layers.flat()) },
    },
    {
      name: 'no-dead-module',
      severity: 'error',
      comment: 'No command reaches this module.',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/', reachable: false },
    },
    {
      name: 'product-stands-alone',
      severity: 'error',
      comment: 'The package has neither tests nor scripts nor development dependencies.',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-development-dependency',
      severity: 'error',
      comment: 'An installed package has `dependencies` alone.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'http-without-undici',
      severity: 'error',
      comment: 'Import `net/node-http.ts`, which says why.',
      from: { path: '^src/' },
      to: { path: '^(node:)?http$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'The import names a module that is not installed or not there.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
