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
  else if (typeof value === 'object' && value !== null && !Array.isArray(value))
    text = value.constructor?.name ?? 'object'
  else text = Array.isArray(value) ? `${value.length} items` : String(value)
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\` (${kind})`
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
