// What a library of a given size needs on a server: the statements that make its tables, and how large they become.
import { PaperkinError, requireInteger, show } from '../../errors.ts'
import { createStatements, remoteStatements, type SchemaOptions, type VectorType } from './schema.ts'

export interface PlanOptions {
  readonly rows: number
  /** @default 384, that of the bundled model */
  readonly dimensions?: number | undefined
  readonly vectorType?: VectorType | undefined
  readonly schema?: string | undefined
  readonly partitions?: number | undefined
  /** Names of foreign servers, as `create server` of postgres_fdw made them. */
  readonly servers?: readonly string[] | undefined
}

/** One table or index, in bytes. */
interface PlannedSize {
  readonly name: string
  readonly bytes: number
}

export interface Plan {
  /** Statements by server; `''` is the one that is connected to. */
  readonly statements: readonly { readonly server: string; readonly statements: readonly string[] }[]
  readonly sizes: readonly PlannedSize[]
  readonly bytes: number
  /** Memory in which the graph and the keys of papers stay, for steady times of answers. */
  readonly memory: number
}

/**
 * Options of a foreign server, after those that say where it is. A question sets the first server up for its graph, and
 * postgres_fdw passes nothing of that on; without them the graph of another server ends at the nearest 40 papers,
 * whatever the filter. A higher `fetch_size` would make it find as many each time.
 */
export const foreignServerOptions =
  "extensions 'vector', async_capable 'true', options '-c hnsw.ef_search=200 -c hnsw.iterative_scan=relaxed_order -c hnsw.max_scan_tuples=200000'"

// Bytes per paper, measured with 40,899 abstracts of arXiv of 1,497 bytes each.
const recordBytes = 3410
const plainIndexBytes = 180
const wordsIndexBytes = 445
const fieldsIndexBytes = 120
/** A term and its place in the index. */
const termBytes = 105
/** n abstracts have about this times n to the power of `termGrowth` terms; measured from 5,000 to 240,000. */
const termFactor = 690
const termGrowth = 0.725
/** A page of the graph, and what it holds of a paper besides the vector. */
const pageBytes = 8192
const linkBytes = 250

/** @throws PaperkinError `invalid-argument` */
export function planLibrary(options: PlanOptions): Plan {
  const { dimensions = 384, vectorType = 'vector', schema = 'paperkin', partitions, servers = [] } = options
  const rows = requireInteger('rows', options.rows, 1)
  requireInteger('dimensions', dimensions, 1, 16_000)
  const parts = partitions ?? (servers.length > 0 ? servers.length + 1 : 1)
  requireInteger('partitions', parts, 1, 1024)
  if (servers.length > 0 && parts <= servers.length)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`partitions\` to be at least one more than the ${servers.length} servers, got ${parts}.`,
    )
  for (const server of servers) requireName(server)
  requireName(schema)
  const tables: SchemaOptions = {
    schema: quoted(schema),
    vectorSchema: 'public',
    vectorType,
    dimensions,
    partitions: parts,
    servers: servers.map(quoted),
  }
  const vectorBytes = dimensions * (vectorType === 'vector' ? 4 : 2)
  const graphBytes = pageBytes / Math.max(1, Math.floor(pageBytes / (vectorBytes + linkBytes)))
  const sizes = [
    { name: 'papers', bytes: rows * (recordBytes + vectorBytes) },
    { name: 'papers, B-trees', bytes: rows * plainIndexBytes },
    { name: 'papers, words (GIN)', bytes: rows * wordsIndexBytes },
    { name: 'papers, fields (GIN)', bytes: rows * fieldsIndexBytes },
    { name: 'papers, graph (HNSW)', bytes: rows * graphBytes },
    { name: 'terms', bytes: termFactor * rows ** termGrowth * termBytes },
  ].map(({ name, bytes }) => ({ name, bytes: Math.round(bytes) }))
  return {
    statements: [
      {
        server: '',
        statements: [
          'create extension if not exists vector',
          ...(servers.length > 0 ? ['create extension if not exists postgres_fdw'] : []),
          `create schema ${tables.schema}`,
          ...createStatements(tables),
        ],
      },
      ...(tables.servers ?? []).map((server) => ({
        server,
        statements: ['create extension if not exists vector', ...remoteStatements(tables, server)],
      })),
    ],
    sizes,
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    memory: Math.round(rows * (graphBytes + plainIndexBytes)),
  }
}

function requireName(name: string): void {
  if (name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= 63) return
  throw new PaperkinError('invalid-argument', `Expected a name of at most 63 bytes, got ${show(name)}.`)
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
