// Requests to public interfaces: one at a time, rate-limited, with a limited number of retries.
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { PaperkinError, requireInteger, show } from '../errors.ts'
import { packageFile } from '../runtime/package-files.ts'

export interface FetchOptions {
  /** A mirror of the interface. @default the public one */
  readonly baseUrl?: string | undefined
  /** An address at which the server's operators can reach you; sent in the user agent. */
  readonly contact?: string | undefined
  /** Minimum milliseconds between requests. @default 3000 for arXiv, as its terms require; 1000 otherwise */
  readonly interval?: number | undefined
  /** Milliseconds until a request is aborted and retried. @default 30000 */
  readonly timeout?: number | undefined
  /** Maximum number of retries per request. @default 5 */
  readonly retries?: number | undefined
  /** Milliseconds before the first retry, doubled for each further one; a `Retry-After` header wins. @default 1000 */
  readonly retryDelay?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called before each retry; `delay` is in milliseconds. */
  readonly onRetry?:
    | ((retry: { readonly reason: string; readonly attempt: number; readonly delay: number }) => void)
    | undefined
}

/** No valid response is this large; the limit keeps an endless one from filling the memory. */
const mostBytes = 64 * 2 ** 20

export const fetchOptionNames: Readonly<Record<keyof FetchOptions, true>> = {
  baseUrl: true,
  contact: true,
  interval: true,
  timeout: true,
  retries: true,
  retryDelay: true,
  signal: true,
  onRetry: true,
}

/** Maximum milliseconds before a retry. */
const mostDelay = 300_000

/** Fetches a text; `isWhole` decides whether a body is complete. */
type GetText = (url: string, isWhole: (text: string) => boolean) => Promise<string>

/**
 * Returns a rate-limited, retrying function that fetches texts.
 * @throws PaperkinError `invalid-argument`; the returned function throws `fetch-failed`
 */
export function politeFetch(options: FetchOptions, defaults: { readonly interval: number }): GetText {
  const interval = requireInteger('interval', options.interval ?? defaults.interval, 0)
  const timeout = requireInteger('timeout', options.timeout ?? 30_000, 1)
  const retries = requireInteger('retries', options.retries ?? 5, 0)
  const retryDelay = requireInteger('retryDelay', options.retryDelay ?? 1000, 0)
  const { signal, contact, onRetry } = options
  const { credentials } = requireBase(options.baseUrl)
  const headers = {
    ...(credentials !== undefined && { authorization: credentials }),
    'user-agent': userAgent(contact),
    accept: 'application/json, application/atom+xml, text/xml',
  }
  let next = 0
  const pause = async (milliseconds: number) => {
    if (milliseconds > 0)
      await wait(milliseconds, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
  }

  async function attempt(url: string, isWhole: (text: string) => boolean): Promise<string | Failure> {
    await pause(next - performance.now())
    next = performance.now() + interval
    const limit = AbortSignal.timeout(timeout)
    try {
      const response = await fetch(url, { headers, signal: signal ? AbortSignal.any([signal, limit]) : limit })
      // Measured again on the response, so that even slow requests reach the server at least the interval apart.
      next = performance.now() + interval
      const text = await boundedText(response)
      if (text === undefined) return { reason: `the response is larger than ${mostBytes / 2 ** 20} MiB`, isFinal: true }
      if (response.ok) return isWhole(text) ? text : { reason: 'the response is incomplete', isFinal: false }
      return {
        reason: `the server answered ${response.status}${response.statusText ? ` ${response.statusText}` : ''}`,
        isFinal: response.status !== 408 && response.status !== 429 && response.status < 500,
        retryAfter: retryAfter(response.headers.get('retry-after')),
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (limit.aborted) return { reason: `no response within ${timeout / 1000} s`, isFinal: false, error }
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
      const reason =
        cause instanceof Error && cause.message !== ''
          ? cause.message
          : String((cause as { code?: unknown }).code ?? cause)
      // Retrying cannot mend an invalid address.
      return { reason, isFinal: cause instanceof Error && 'code' in cause && cause.code === 'ERR_INVALID_URL', error }
    }
  }

  return async (url, isWhole) => {
    for (let tried = 0; ; tried++) {
      signal?.throwIfAborted()
      const answer = await attempt(url, isWhole)
      if (typeof answer === 'string') return answer
      const { reason, isFinal, error } = answer
      if (isFinal || tried >= retries) {
        const times = tried > 0 ? ` (tried ${tried + 1} times)` : ''
        throw new PaperkinError(
          'fetch-failed',
          `Could not get ${url}: ${reason}${times}; try again later, or name a mirror with \`baseUrl\`.`,
          {
            cause: error,
          },
        )
      }
      const delay = Math.min(mostDelay, answer.retryAfter ?? retryDelay * 2 ** tried)
      onRetry?.({ reason, attempt: tried + 1, delay })
      await pause(delay)
    }
  }
}

/**
 * Splits a base address into the address and its credentials, which go into a header and are never printed.
 * @throws PaperkinError `fetch-failed` for a text that is not an HTTP address, `invalid-argument` for anything else
 */
export function requireBase(baseUrl: string | undefined): {
  /** Without a trailing slash; undefined if none was given. */
  readonly base: string | undefined
  readonly credentials: string | undefined
} {
  if (baseUrl === undefined) return { base: undefined, credentials: undefined }
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url === undefined || !/^https?:$/u.test(url.protocol))
    throw new PaperkinError(
      typeof baseUrl === 'string' ? 'fetch-failed' : 'invalid-argument',
      `Expected \`baseUrl\` to be an address such as https://mirror.example, got ${show(typeof baseUrl === 'string' ? baseUrl.replace(/[^/\s]*@/gu, '…@') : baseUrl)}.`,
    )
  const { username, password } = url
  url.username = ''
  url.password = ''
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    base: url.href.replace(/\/+$/u, ''),
    credentials: pair === ':' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`,
  }
}

/** The text of a response; undefined if it is too large. */
async function boundedText(response: Response): Promise<string | undefined> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const parts: string[] = []
  let bytes = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    // Leaving the loop closes the connection.
    if (bytes > mostBytes) return undefined
    parts.push(decoder.decode(chunk, { stream: true }))
  }
  return parts.join('') + decoder.decode()
}

interface Failure {
  readonly reason: string
  /** True if a retry cannot help. */
  readonly isFinal: boolean
  readonly retryAfter?: number | undefined
  readonly error?: unknown
}

/** Milliseconds of a `Retry-After` in seconds or as a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined
  if (/^\d+$/u.test(value.trim())) return Number(value) * 1000
  const time = Date.parse(value)
  return Number.isNaN(time) ? undefined : Math.max(0, time - Date.now())
}

function userAgent(contact: string | undefined): string {
  const { version } = JSON.parse(readFileSync(packageFile('#package.json'), 'utf8')) as {
    version: string
  }
  if (contact !== undefined && (typeof contact !== 'string' || !/^[\x20-\x7e]+$/u.test(contact)))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`contact\` to be an address in plain ASCII, got ${show(contact)}.`,
    )
  return `paperkin/${version}${contact === undefined ? '' : ` (${contact})`}`
}

/** Returns a valid day such as `2024-03-05`; throws `invalid-argument` for anything else. */
export function requireDay(name: string, value: string): string {
  const time =
    typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/u.test(value) ? Date.parse(`${value}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== value)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`${name}\` to be a day such as 2024-03-05, got ${show(value)}.`,
    )
  return value
}
