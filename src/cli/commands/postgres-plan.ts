import { Option } from 'commander'
import { foreignServerOptions, planLibrary } from '../../library/postgres/plan.ts'
import { defineCommand, integer, schemaOption } from '../command.ts'

interface PlanArguments {
  readonly rows: number
  readonly dimensions: number
  readonly half?: boolean
  readonly schema?: string
  readonly partitions?: number
  readonly servers?: string
}

export const postgresPlan = defineCommand<PlanArguments>({
  name: 'postgres plan',
  summary: 'print the tables of a library on Postgres, and their sizes',
  description:
    'Connects to nothing. A library makes its tables itself; these statements are for who wants to make them first, with partitions or over several servers.',
  options: [
    new Option('--rows <count>', 'how many papers').argParser(integer('--rows', 1)).default(100_000),
    new Option('--dimensions <count>', 'width of the vectors')
      .argParser(integer('--dimensions', 1, 16_000))
      .default(384),
    new Option('--half', 'vectors as 16-bit floats'),
    schemaOption(),
    new Option('--partitions <count>', 'parts of the papers, by hash of the id').argParser(
      integer('--partitions', 1, 1024),
    ),
    new Option('--servers <names>', 'servers of postgres_fdw over which the parts are spread, such as east,west'),
  ],
  isPlain: true,
  examples: ['paperkin postgres plan --rows 1000000', 'paperkin postgres plan --partitions 6 --servers east,west'],
  run: (_, { rows, dimensions, half, schema, partitions, servers }) => {
    const plan = planLibrary({
      rows,
      dimensions,
      vectorType: half ? 'halfvec' : 'vector',
      schema,
      partitions,
      servers: servers?.split(',').map((name) => name.trim()),
    })
    return {
      page: () => {
        const size = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`
        const others = plan.statements.flatMap(({ server }) => (server === '' ? [] : [server]))
        const inOrder = [...plan.statements].sort((a, b) => Number(a.server === '') - Number(b.server === ''))
        const statements = inOrder.flatMap(({ server, statements }) => [
          `-- ${server === '' ? 'On the server that paperkin connects to' : `On the server ${server}`}, as the role that is to own the tables`,
          ...(server === '' && others.length > 0 ? madeLikeThis(others) : []),
          ...statements.map((statement) => `${statement};`),
        ])
        const sizes = [...plan.sizes.map(({ name, bytes }) => `-- ${name}: ${size(bytes)}`)]
        return [
          ...statements,
          '',
          `-- About ${size(plan.bytes)} for ${rows.toLocaleString('en-US')} papers:`,
          ...sizes,
          `-- Memory for steady times of answers (shared_buffers and the system's cache): ${size(plan.memory)}`,
        ].join('\n')
      },
      data: () => plan,
      records: () => plan.sizes,
    }
  },
})

/** How the servers of a plan are made, as comments: only their owner knows where they are. */
function madeLikeThis(servers: readonly string[]): string[] {
  return [
    '-- Needed first: create extension postgres_fdw, then for each of the others',
    ...servers.flatMap((server) => [
      `-- create server ${server} foreign data wrapper postgres_fdw options (host '…', dbname '…', ${foreignServerOptions});`,
      `-- create user mapping for current_user server ${server} options (user '…', password '…');`,
    ]),
  ]
}
