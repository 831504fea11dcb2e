// The rooms in the order in which data flows through them: a room imports from rooms on its left, never from its right.
const rooms = [
  'text',
  'errors',
  'runtime',
  'paper',
  'sources',
  'embedding',
  'lexical',
  'vectors',
  'evaluation',
  'atlas',
  'topics',
  'report',
  'library/storage',
  'library/collection',
  'library/asking',
  'library/postgres',
  'library',
  'serve',
  'cli',
]
// Rooms that stand beside each other and do not know one another.
const strangers = [
  ['embedding', ['paper', 'sources']],
  ['lexical', ['sources', 'embedding']],
  ['vectors', ['paper', 'sources', 'embedding', 'lexical']],
  ['evaluation', ['paper', 'sources', 'embedding', 'lexical', 'vectors']],
  ['atlas', ['paper', 'sources', 'embedding', 'evaluation']],
  ['topics', ['sources', 'embedding']],
]
// `library` itself is the files beside its three rooms.
const place = (name) => (name === 'library' ? 'library/[^/]+\\.ts$' : `${name}(/|\\.ts$)`)
const inRoom = (name) => `^src/${place(name)}`
const inRooms = (names) => `^src/(${names.map(place).join('|')})`

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true }, to: {} },
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      from: { path: '^src' },
      // Optional peers are here for the tests.
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '^node_modules/(@huggingface/transformers/types|hnswlib-node)/',
      },
    },
    {
      name: 'nothing-imports-the-front-door',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/cli/' },
      to: { path: '^src/index\\.ts$' },
    },
    ...rooms.slice(0, -1).map((room, position) => ({
      name: `${room.replace('/', '-')}-knows-nothing-on-its-right`,
      severity: 'error',
      from: { path: inRoom(room) },
      to: { path: inRooms(rooms.slice(position + 1)) },
    })),
    ...strangers.map(([room, others]) => ({
      name: `${room}-stands-apart`,
      severity: 'error',
      from: { path: inRoom(room) },
      to: { path: inRooms(others) },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
