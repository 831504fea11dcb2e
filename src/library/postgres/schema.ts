// The tables of a library on Postgres, as plain SQL. By their documentation Citus and YugabyteDB have all of it, but for
// the graph of 16-bit floats on YugabyteDB (docs/postgres.md). Names of the caller's come in as quoted identifiers; values
// never do.

/** Version of the tables; a newer version of the package may raise it and bring older tables up to it. */
export const schemaVersion = 1

/** What the tables depend on. */
export interface SchemaOptions {
  /** Quoted. */
  readonly schema: string
  /** Quoted schema in which pgvector lives. */
  readonly vectorSchema: string
  readonly vectorType: VectorType
  /** Width of the vectors; 0 if the first vector will set it. */
  readonly dimensions: number
  /** Parts of `papers` by hash of the id. @default 1, one table */
  readonly partitions?: number | undefined
  /** Names of foreign servers over which the parts are spread, besides this one. */
  readonly servers?: readonly string[] | undefined
}

/** `vector` has 32-bit floats, `halfvec` 16-bit ones: half the space, with 11 significant bits. */
export type VectorType = 'vector' | 'halfvec'

/** Parameters of the graph, as those of the embedded library. */
export interface GraphOptions {
  readonly m?: number
  readonly efConstruction?: number
}

/** Widest vectors that pgvector builds graphs of. */
const widestGraph: Readonly<Record<VectorType, number>> = { vector: 2000, halfvec: 4000 }

const vectorOf = ({ vectorSchema, vectorType }: SchemaOptions, dimensions: number) =>
  `${vectorSchema}.${vectorType}${dimensions > 0 ? `(${dimensions})` : ''}`

/**
 * The columns of `papers`. Those of fixed width come first, and long values lie outside the rows (`narrow` below), so
 * that a list of words, which has many papers, is read in few pages.
 */
const papersColumns = (options: SchemaOptions) => `
  seq bigint not null,            -- order in which ids were first added
  batch bigint not null,          -- the commit that wrote this version of the paper
  row int not null,               -- number of the text in indexes that a process has in memory
  text_crc int not null,          -- CRC-32 of title and abstract
  record_crc int not null,        -- CRC-32 of record
  length int not null,            -- words, those of the title twice
  published_start float8,         -- milliseconds since 1970; a month lasts from its first to the next month
  published_end float8,
  id text collate "C" not null,
  vector_key bytea not null,      -- SHA-256 of model and text
  fields jsonb not null,          -- fields by name, for filters
  unlisted text[],                -- names of fields that are not in fields: too long, or not in jsonb's power
  truncation jsonb,               -- set if the model did not read the whole text
  words tsvector not null,        -- stems; the position of a stem is its count
  record text not null,           -- the paper without its id, as JSON, byte for byte
  embedding ${vectorOf(options, options.dimensions)} not null`

/** Moves the longest values out of a row until it has 1 kB: record, words and vector, but not `fields`. */
const narrow = ' with (toast_tuple_target = 1024)'

/** Statements that make the tables of an empty library. */
export function createStatements(options: SchemaOptions): string[] {
  const { schema, partitions = 1 } = options
  return [
    `create table ${schema}.state (   -- one row
  only_row boolean primary key default true check (only_row),
  version int not null,           -- of these tables
  generation text not null,       -- changes when everything is replaced
  model_id text not null,
  revision text,
  dtype text,
  dimensions int not null,
  recipe text not null,
  settings text,
  vector_type text not null,
  lexical_recipe int not null,    -- how words, terms and length were counted
  commits bigint not null,        -- number of the last commit
  papers bigint not null,         -- number of papers
  length bigint not null,         -- sum of their lengths
  next_row bigint not null        -- rows given out so far
)`,
    ...papersStatements(options, partitions),
    `create table ${schema}.terms (   -- stems, and pairs of adjacent stems with a space between
  term text collate "C" primary key,
  papers int not null             -- papers that have it
) with (fillfactor = 80)`,
    `create table ${schema}.vectors ( -- vectors that no paper has now: a cache of embeddings
  key bytea primary key,
  bytes bytea not null,           -- as vector_send of pgvector gives it
  truncation jsonb
)`,
    `create table ${schema}.past (    -- earlier versions of papers, for who still asks for them; emptied after a day
  id text collate "C" not null,
  batch bigint not null,
  record text not null,
  record_crc int not null,
  vector_key bytea not null,
  at timestamptz not null default now(),
  primary key (id, batch)
)`,
    `create table ${schema}.commits ( -- what readers catch up with; kept for a week
  number bigint primary key,
  batch bigint not null unique,
  at timestamptz not null default now(),
  removed text[]                  -- ids that it removed
)`,
    `create table ${schema}.intents ( -- changes over several servers that are not known to be whole
  batch bigint primary key,
  change text not null            -- JSON
)`,
    `create sequence ${schema}.batches`,
    ...indexStatements(options),
    ...graphStatements(options),
  ]
}

function papersStatements(options: SchemaOptions, partitions: number): string[] {
  const { schema, servers = [] } = options
  if (partitions < 2)
    return [`create table ${schema}.papers (${papersColumns(options)},\n  primary key (id)\n)${narrow}`]
  const places = ['', ...servers]
  // A unique index cannot span other servers: there each part has its own.
  const key = servers.length === 0 ? ',\n  primary key (id)' : ''
  return [
    `create table ${schema}.papers (${papersColumns(options)}${key}\n) partition by hash (id)`,
    ...Array.from({ length: partitions }, (_, part) => {
      const server = places[part % places.length] as string
      const values = `for values with (modulus ${partitions}, remainder ${part})`
      const own = servers.length === 0 ? '' : ' (primary key (id))'
      const name = `${schema}.papers_${part}`
      if (server === '') return `create table ${name} partition of ${schema}.papers${own} ${values}${narrow}`
      return `create foreign table ${name} partition of ${schema}.papers ${values} server ${server}
  options (schema_name ${literal(unquoted(schema))}, table_name 'papers_${part}', batch_size '256')`
    }),
  ]
}

/** Statements for another server that holds parts of `papers`, to be run there first. */
export function remoteStatements(options: SchemaOptions, server: string): string[] {
  const { schema, partitions = 1, servers = [] } = options
  const places = ['', ...servers]
  return [
    `create schema ${schema}`,
    ...Array.from({ length: partitions }, (_, part) => {
      if (places[part % places.length] !== server) return []
      const table = `papers_${part}`
      return [
        `create table ${schema}.${table} (${papersColumns(options)},\n  primary key (id)\n)${narrow}`,
        ...indexStatements(options, table),
        ...graphStatements(options, {}, table),
      ]
    }).flat(),
  ]
}

/** Indexes that every question and every commit uses. */
function indexStatements({ schema }: SchemaOptions, table = 'papers'): string[] {
  const on = (name: string, how: string) => `create index ${table}_${name} on ${schema}.${table} ${how}`
  return [
    on('seq', '(seq)'),
    on('batch', '(batch)'),
    on('vector_key', '(vector_key)'),
    on('published_start', '(published_start)'),
    on('published_end', '(published_end)'),
    // Filters ask for these papers besides those that their fields find.
    on('unlisted', '(seq) where unlisted is not null'),
    ...bulkIndexStatements({ schema }, table),
  ]
}

/** Indexes that are faster to make at once than paper by paper. */
export function bulkIndexStatements({ schema }: Pick<SchemaOptions, 'schema'>, table = 'papers'): string[] {
  return [
    `create index ${table}_words on ${schema}.${table} using gin (words)`,
    `create index ${table}_fields on ${schema}.${table} using gin (fields jsonb_path_ops)`,
  ]
}

/** The graph for nearest neighbours; none for vectors that are too wide, which are then compared one by one. */
export function graphStatements(options: SchemaOptions, graph: GraphOptions = {}, table = 'papers'): string[] {
  const { schema, vectorSchema, vectorType, dimensions } = options
  const { m = 16, efConstruction = 200 } = graph
  if (dimensions === 0 || dimensions > widestGraph[vectorType]) return []
  return [
    `create index ${table}_embedding on ${schema}.${table} using hnsw (embedding ${vectorSchema}.${vectorType}_ip_ops)
  with (m = ${m}, ef_construction = ${efConstruction})`,
  ]
}

/** Statements that drop what {@link bulkIndexStatements} and {@link graphStatements} make. */
export function dropBulkStatements({ schema }: Pick<SchemaOptions, 'schema'>): string[] {
  return ['words', 'fields', 'embedding'].map((name) => `drop index if exists ${schema}.papers_${name}`)
}

/** Statements that set the width of the vectors, of which there are none in `papers`; they drop the graph. */
export function widthStatements(options: SchemaOptions): string[] {
  const { schema, dimensions } = options
  return [
    `drop index if exists ${schema}.papers_embedding`,
    `alter table ${schema}.papers alter column embedding type ${vectorOf(options, dimensions)}`,
  ]
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function unquoted(identifier: string): string {
  return identifier.slice(1, -1).replaceAll('""', '"')
}
