// Requests to public interfaces: one at a time, not too often, again where the server or the network fails, never for ever.
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { PaperkinError, requireInteger, show } from '../errors.ts'
import { packageFile } from '../runtime/package-files.ts'

export interface FetchOptions {
  /** A mirror of the interface. @default the public one */
  readonly baseUrl?: string | undefined
  /** An address at which whoever runs the server may write to you; it goes into the user agent, as good manners ask. */
  readonly contact?: string | undefined
  /** Milliseconds from one request to the next. @default 3000 for arXiv, as its terms ask; 1000 otherwise */
  readonly interval?: number | undefined
  /** Milliseconds after which a request is given up, and tried again. @default 30000 */
  readonly timeout?: number | undefined
  /** How often a request is tried again. @default 5 */
  readonly retries?: number | undefined
  /** Milliseconds before the first further try; doubled for each one after it, unless the server names a time. @default 1000 */
  readonly retryDelay?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Told before a request is tried again. */
  readonly onRetry?:
    | ((retry: { readonly reason: string; readonly attempt: number; readonly delay: number }) => void)
    | undefined
}

/** No answer of these interfaces is as large; what goes on is no answer, and would fill the memory. */
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

/** No server is waited for longer than so many milliseconds at a time. */
const mostDelay = 300_000

/** A function that gets texts; `isWhole` says whether a body came whole. */
type GetText = (url: string, isWhole: (text: string) => boolean) => Promise<string>

/**
 * Makes a function that gets texts politely.
 * @throws PaperkinError `invalid-argument`; the function `fetch-failed`
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
      // A request may be long on its way: what the server sees is never closer together than the interval.
      next = performance.now() + interval
      const text = await boundedText(response)
      if (text === undefined) return { reason: `the answer is larger than ${mostBytes / 2 ** 20} MB`, isFinal: true }
      if (response.ok) return isWhole(text) ? text : { reason: 'the answer broke off', isFinal: false }
      return {
        reason: `the server answered ${response.status}${response.statusText ? ` ${response.statusText}` : ''}`,
        isFinal: response.status !== 408 && response.status !== 429 && response.status < 500,
        retryAfter: retryAfter(response.headers.get('retry-after')),
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (limit.aborted) return { reason: `no answer came within ${timeout / 1000} s`, isFinal: false, error }
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
      const reason =
        cause instanceof Error && cause.message !== ''
          ? cause.message
          : String((cause as { code?: unknown }).code ?? cause)
      // An address that is none stays none.
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
 * A base address without its name and password, which go into a header and are never printed.
 * @throws PaperkinError `fetch-failed` for a text that is no such address, `invalid-argument` for what is no text
 */
export function requireBase(baseUrl: string | undefined): {
  /** Without a slash at its end; undefined where none was given. */
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

/** The text of an answer; undefined where it is too large. */
async function boundedText(response: Response): Promise<string | undefined> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const parts: string[] = []
  let bytes = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    // Leaving the loop gives the connection up.
    if (bytes > mostBytes) return undefined
    parts.push(decoder.decode(chunk, { stream: true }))
  }
  return parts.join('') + decoder.decode()
}

interface Failure {
  readonly reason: string
  /** True where trying again cannot help. */
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

/** A date as `2024-03-05`, checked. */
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
