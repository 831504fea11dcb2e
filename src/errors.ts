const marker = Symbol.for('paperkin.error')

/** What went wrong, named by what a caller could do about it. Codes are stable; messages are not. */
export type PaperkinErrorCode =
  | 'invalid-argument'
  | 'invalid-paper'
  | 'unreadable-source'
  | 'fetch-failed'
  | 'paper-not-found'
  | 'library-closed'
  | 'embedder-unavailable'
  | 'embedding-failed'
  | 'index-unavailable'
  | 'corrupt-store'
  | 'store-mismatch'
  | 'store-locked'
  | 'store-unwritable'

/** One thing that is wrong with data that was handed in. */
export interface PaperkinIssue {
  /** One sentence. */
  readonly message: string
  /** Where: a line number, an index, a field name. */
  readonly path?: readonly (string | number)[]
}

/** The only error this package throws on purpose (an abort rethrows `signal.reason`). */
export class PaperkinError extends Error {
  override readonly name = 'PaperkinError'
  readonly code: PaperkinErrorCode
  /** Every problem found, where data was bad; empty otherwise. */
  readonly issues: readonly PaperkinIssue[]

  constructor(
    code: PaperkinErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly issues?: readonly PaperkinIssue[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.issues = Object.freeze([...(options.issues ?? [])])
    Object.defineProperty(this, marker, { value: true })
  }

  /** True for errors of this class, also those from another copy of the package in the same process. */
  static isInstance(error: unknown): error is PaperkinError {
    return typeof error === 'object' && error !== null && marker in error
  }
}

/**
 * The code of an error of the system, such as `ENOSPC`; undefined for every other error, the reason of an abort among
 * them (a `DOMException` has a numeric code).
 */
export function systemCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^E[A-Z\d_]+$/u.test(code) ? code : undefined
}

/** Renders a value the way error messages name it: `` `0` (number) ``. Long values are cut. */
export function show(value: unknown): string {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  let text: string
  if (typeof value === 'string') text = JSON.stringify(value)
  else if (typeof value === 'object' && value !== null && !Array.isArray(value)) text = nameOf(value)
  else if (typeof value === 'function') text = value.name || 'anonymous'
  else text = Array.isArray(value) ? `${value.length} items` : String(value)
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\` (${kind})`
}

/** What kind of object a value is; a foreign one may answer anything, or throw. */
function nameOf(value: object): string {
  try {
    const maker: unknown = value.constructor
    if (typeof maker === 'function' && maker.name !== '') return maker.name
    return Object.prototype.toString.call(value).slice(8, -1)
  } catch {
    return 'object'
  }
}

/**
 * Checks an integer option and returns it.
 * @throws PaperkinError `invalid-argument`
 */
export function requireInteger(
  name: string,
  value: unknown,
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a whole number ${range}, got ${show(value)}.`)
}

/**
 * Checks a numeric option and returns it.
 * @throws PaperkinError `invalid-argument`
 */
export function requireNumber(name: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value === 'number' && value >= minimum && value <= maximum) return value
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`${name}\` to be a number from ${minimum} to ${maximum}, got ${show(value)}.`,
  )
}

/**
 * Checks that an option that was given is a text.
 * @throws PaperkinError `invalid-argument`
 */
export function requireText(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a text, got ${show(value)}.`)
}

/**
 * Checks that a value is an array or a typed array, of anything.
 * @throws PaperkinError `invalid-argument`
 */
export function requireList(name: string, value: unknown): void {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be an array, got ${show(value)}.`)
}

/**
 * Checks that a value is a map, `of` what.
 * @throws PaperkinError `invalid-argument`
 */
export function requireMap(name: string, value: unknown, of: string): void {
  if (value instanceof Map) return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a Map ${of}, got ${show(value)}.`)
}

/** What people call an option elsewhere. */
const otherNames: Readonly<Record<string, string>> = {
  limit: 'k',
  topk: 'k',
  topn: 'k',
  top: 'k',
  n: 'k',
  num: 'k',
  size: 'k',
  results: 'k',
  maxresults: 'k',
  skip: 'offset',
  start: 'offset',
  where: 'filter',
  filters: 'filter',
  weight: 'recency',
  ntopics: 'count',
  nrtopics: 'count',
  numtopics: 'count',
  topics: 'count',
  k: 'count',
  dir: 'path',
  folder: 'path',
  file: 'path',
  directory: 'path',
  out: 'path',
  output: 'path',
  model: 'embedder',
  embeddings: 'vectors',
  embedding: 'vector',
  abortsignal: 'signal',
  abort: 'signal',
  progress: 'onProgress',
  type: 'format',
  url: 'baseUrl',
  randomstate: 'seed',
}

/**
 * Checks that options are an object without a name that a call does not know, that what is called `signal` is one, and
 * that what is called `on…` is a function. `call` names the call, or the option that the object is.
 * @throws PaperkinError `invalid-argument`, with the nearest name that there is
 */
export function requireOptions<Options extends object>(
  call: string,
  options: Options | undefined,
  known: Readonly<Record<keyof Options, true>>,
): void {
  if (options === undefined) return
  const names = Object.keys(known)
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new PaperkinError(
      'invalid-argument',
      `Expected the options of \`${call}\` to be an object such as { ${names[0]}: … }, got ${show(options)}.`,
    )
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name)) {
      const meant = nearestName(name, names)
      const remedy = meant === undefined ? `: it takes ${names.join(', ')}` : `: did you mean \`${meant}\`?`
      throw new PaperkinError('invalid-argument', `\`${call}\` has no option ${show(name)}${remedy}`)
    }
    if (value === undefined) continue
    if (name === 'signal' && !isSignal(value))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`signal\` to be an AbortSignal, got ${show(value)}${isController(value) ? ': pass its `signal`' : ''}.`,
      )
    if (/^on[A-Z]/u.test(name) && typeof value !== 'function')
      throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a function, got ${show(value)}.`)
  }
}

function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, throwIfAborted } = value as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof throwIfAborted === 'function'
}

function isController(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'signal' in value && isSignal(value.signal)
}

/** The name that another one is most likely a slip of, or another word for. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z\d]/gu, '')
  const wanted = plain(name)
  const same = names.find((known) => plain(known) === wanted)
  if (same !== undefined) return same
  const other = otherNames[wanted]
  if (other !== undefined && names.includes(other)) return other
  const [nearest] = names
    .map((known) => ({ known, slips: slips(wanted, plain(known)) }))
    .filter(
      ({ known, slips }) =>
        slips <= Math.max(1, Math.floor(Math.min(wanted.length, known.length) / 2)) && slips < known.length,
    )
    .sort((a, b) => a.slips - b.slips)
  return nearest?.known
}

/** Letters to add, leave out, change or swap with their neighbour (optimal string alignment). */
function slips(a: string, b: string): number {
  // Nobody's slip of a known name.
  if (a.length > 40) return a.length
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (rows[i - 1]?.[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min((rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      row.push(least)
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? a.length
}
