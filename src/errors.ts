import { editDistance } from './text/edit-distance.ts'

const marker = Symbol.for('paperkin.error')

/** What went wrong, grouped by what the caller can do about it. Codes are stable; messages are not. */
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

/** One problem found in input data. */
export interface PaperkinIssue {
  /** One sentence. */
  readonly message: string
  /** Where it is: line numbers, indices, field names. */
  readonly path?: readonly (string | number)[]
}

/** The only error that this package throws deliberately; an abort rethrows `signal.reason`. */
export class PaperkinError extends Error {
  override readonly name = 'PaperkinError'
  readonly code: PaperkinErrorCode
  /** Every problem found in bad input data; empty for other errors. */
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

  /** True for errors of this class, including those from another copy of the package in the same process. */
  static isInstance(error: unknown): error is PaperkinError {
    return typeof error === 'object' && error !== null && marker in error
  }
}

/**
 * The code of a system error, such as `ENOSPC`; undefined for any other error, including the reason of an abort (a
 * `DOMException` has a numeric code).
 */
export function systemCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^E[A-Z\d_]+$/u.test(code) ? code : undefined
}

/** Formats a value for an error message: `` `0` (number) ``. Text beyond 60 characters is cut. */
export function show(value: unknown): string {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  let text: string
  if (typeof value === 'string') text = JSON.stringify(value)
  else if (typeof value === 'object' && value !== null && !Array.isArray(value)) text = nameOf(value)
  else if (typeof value === 'function') text = value.name || 'anonymous'
  else text = Array.isArray(value) ? `${value.length} items` : String(value)
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\` (${kind})`
}

/** The class name of an object. Foreign objects may return anything or throw. */
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
 * Checks that an option is a string or undefined.
 * @throws PaperkinError `invalid-argument`
 */
export function requireText(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a string, got ${show(value)}.`)
}

/**
 * Checks that a value is an array or a typed array; its items are not checked.
 * @throws PaperkinError `invalid-argument`
 */
export function requireList(name: string, value: unknown): void {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be an array, got ${show(value)}.`)
}

/**
 * Checks that a value is a Map; `of` describes its contents in the message.
 * @throws PaperkinError `invalid-argument`
 */
export function requireMap(name: string, value: unknown, of: string): void {
  if (value instanceof Map) return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a Map ${of}, got ${show(value)}.`)
}

/** Names that other libraries use for our options. */
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
 * Checks that `options` is an object with known names only, that `signal` is an AbortSignal, and that each `on…` is a
 * function. `call` names the function, or the option that holds this object.
 * @throws PaperkinError `invalid-argument`; for an unknown name, with the closest known one
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

/** The known name that `name` most likely stands for: a typo or a synonym of it. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z\d]/gu, '')
  const wanted = plain(name)
  const same = names.find((known) => plain(known) === wanted)
  if (same !== undefined) return same
  const other = otherNames[wanted]
  if (other !== undefined && names.includes(other)) return other
  const [nearest] = names
    .flatMap((known) => {
      const most = Math.max(1, Math.floor(Math.min(wanted.length, known.length) / 2))
      const slips = editDistance(wanted, plain(known), most)
      return slips <= most && slips < known.length ? [{ known, slips }] : []
    })
    .sort((a, b) => a.slips - b.slips)
  return nearest?.known
}
