// The server behind `paperkin serve`: one library, one machine, one reader. Every request must carry a token made for this
// run. To keep out pages of other sites in the same browser it checks the Host header (DNS rebinding), Origin and
// Sec-Fetch-Site (forged requests), sets a SameSite cookie and never sends a CORS header. Cookies ignore ports, so ours is
// bound to a secret path and never reaches a server at another port. Paths are looked up in a table and never reach the
// file system.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PaperkinError, show, systemCode } from '../errors.ts'
import type { HitList } from '../library/asking/ranking.ts'
import type { PaperLibrary } from '../library/paper-library.ts'
import { LiveLibrary } from './live-library.ts'
import { checkedChange, MarkStore, marksFolder } from './marks.ts'

export interface ServeOptions {
  /** @default any free port */
  readonly port?: number
  /** Folder in which marks are kept; needed for a library on Postgres. @default that of the library */
  readonly marks?: string
  /** Milliseconds between checks for new papers. @default 1000 */
  readonly everyMs?: number
  /** Called with errors that occur while no request is waiting. */
  readonly onProblem?: (error: unknown) => void
}

/** A library that is being served. */
export interface Served {
  /** The address to open in a browser; it contains the token. */
  readonly address: string
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  /** For programs, as `Authorization: Bearer TOKEN`. */
  readonly token: string
  readonly server: Server
  /** An address that works once. Use it on command lines, since other users of the machine can read those. */
  ticket(): string
  /** Ends connections and requests in progress. The library stays open. */
  close(): Promise<void>
}

const loopback = '127.0.0.1'
const secretBytes = 24
const cookieName = 'paperkin'
/** Maximum bytes of a request body: about 50,000 ids. */
const largestBody = 2 ** 20
const longestQuestion = 2000
const mostHits = 200

/** Limits on what slow or silent clients can occupy. */
export const limits = {
  connections: 512,
  headerBytes: 8192,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 5000,
} as const

/** An error response: a status and one sentence. */
class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

interface Reply {
  readonly status?: number
  readonly type: string
  readonly body: Buffer | string
  readonly headers?: Readonly<Record<string, string>>
}

interface Request {
  readonly query: URLSearchParams
  readonly message: IncomingMessage
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal
}

type Handler = (request: Request) => Promise<Reply> | Reply

interface Route {
  /** Also serves HEAD. */
  readonly get?: Handler
  readonly post?: Handler
  /** Pages may be opened from anywhere; data only by our own page and by programs. */
  readonly isPage?: boolean
}

/**
 * Serves a library on 127.0.0.1: its page, search and kin, and marks. The library must be on disk or on Postgres, opened
 * read-only; papers that a writer adds appear by themselves.
 * @throws PaperkinError `invalid-argument` for a port that is taken or not allowed, and without a place for the marks;
 * `corrupt-store` for damaged marks
 */
export async function serve(library: PaperLibrary, options: ServeOptions = {}): Promise<Served> {
  const { port: wanted = 0, everyMs = 1000, onProblem = () => {} } = options
  if (library.path === undefined)
    throw new PaperkinError('invalid-argument', 'Expected a library on disk or on Postgres, got one in memory.')
  const folder = marksFolder(library, options.marks)
  if (folder === undefined)
    throw new PaperkinError(
      'invalid-argument',
      'Expected `marks` for a library on Postgres: name a folder in which stars are kept.',
    )
  const marks = new MarkStore(folder)
  // Reports damaged marks at the start, not at the first star.
  await marks.read()
  const live = await LiveLibrary.follow(library, { everyMs, onProblem })
  const token = secret()
  const session = secret()
  const base = `/${secret()}/`
  const tickets = new Set<string>()
  const routes = routesOf(live, marks)

  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      insecureHTTPParser: false,
      requireHostHeader: true,
    },
    (message, response) => void respond(message, response),
  )
  server.maxConnections = limits.connections
  try {
    server.listen({ port: wanted, host: loopback, exclusive: true })
    await once(server, 'listening')
  } catch (cause) {
    await live.end()
    const code = systemCode(cause)
    const why = code === 'EADDRINUSE' ? 'it is in use' : code === 'EACCES' ? 'it is not allowed' : String(cause)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`port\` to be one that is free, got ${show(wanted)}, but ${why}: name another, or none.`,
      { cause },
    )
  }
  const { port } = server.address() as AddressInfo
  const hosts = [loopback, 'localhost'].flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])])
  const origin = `http://${loopback}:${port}`

  async function respond(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort(new PaperkinError('library-closed', 'The client is gone.')))
    let reply: Reply
    try {
      reply = await replyTo(message, gone.signal)
    } catch (error) {
      if (gone.signal.aborted) return
      reply = replyOf(error)
      if (reply.status === 500) onProblem(error)
    }
    if (response.destroyed) return
    const { status = 200, type, body, headers = {} } = reply
    // The rest of a refused request is not read.
    if (!message.complete) response.setHeader('connection', 'close')
    response.writeHead(status, {
      ...commonHeaders,
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      ...headers,
    })
    response.end(message.method === 'HEAD' ? undefined : body)
  }

  async function replyTo(message: IncomingMessage, signal: AbortSignal): Promise<Reply> {
    const { method = '', url = '', headers } = message
    // Node's parser also accepts HTTP/0.9.
    if (message.httpVersionMajor !== 1) throw new Refusal(505, 'Expected HTTP/1.1.')
    requireOwnHost(message, hosts)
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST')
      throw new Refusal(405, `Expected GET, HEAD or POST, got ${method}.`, { allow: 'GET, HEAD, POST' })
    // `URL` would read `//name/` as a host and resolve dots. Absolute and asterisk forms are refused.
    if (!url.startsWith('/')) throw new Refusal(400, 'Expected the address of a request to be a path.')
    const at = url.indexOf('?')
    const asked = at < 0 ? url : url.slice(0, at)
    const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
    const given = query.get('token')
    if (asked === '/' && given !== null) {
      if (method !== 'GET' || !isTokenOrTicket(given)) throw unauthorized()
      return entrance(headers['sec-fetch-site'])
    }
    const isInside = asked.startsWith(base)
    const bearer = /^Bearer ([\w-]+)$/u.exec(headers.authorization ?? '')?.[1]
    const isProgram = bearer !== undefined && isSame(bearer, token)
    if (!isProgram && !(isInside && cookiesOf(headers.cookie).some((cookie) => isSame(cookie, session))))
      throw unauthorized()
    const route = routes.get(isInside ? asked.slice(base.length - 1) : asked)
    if (route === undefined) throw new Refusal(404, 'There is nothing at this address.')
    requireOwnPage(message, hosts, { isProgram, isPage: route.isPage === true })
    const handler = method === 'POST' ? route.post : route.get
    if (handler === undefined)
      throw new Refusal(405, `Expected ${route.get === undefined ? 'POST' : 'GET or HEAD'} here, got ${method}.`, {
        allow: [...(route.get ? ['GET', 'HEAD'] : []), ...(route.post ? ['POST'] : [])].join(', '),
      })
    return handler({ query, message, signal })
  }

  function isTokenOrTicket(given: string): boolean {
    if (isSame(given, token)) return true
    const ticket = [...tickets].find((one) => isSame(given, one))
    return ticket !== undefined && tickets.delete(ticket)
  }

  /** Sets the cookie and redirects to an address without the token. */
  function entrance(site: string | string[] | undefined): Reply {
    const cookie = `${cookieName}=${session}; Path=${base}; HttpOnly; SameSite=Strict`
    // Browsers send no strict cookie after a redirect that started at another site or a file: reload from our own page.
    const isOurs = site === undefined || site === 'none' || site === 'same-origin'
    return {
      status: isOurs ? 303 : 200,
      type: 'text/html; charset=utf-8',
      body: isOurs ? '' : `<!doctype html><meta http-equiv="refresh" content="0; url=${base}"><title>paperkin</title>`,
      headers: { 'set-cookie': cookie, ...(isOurs && { location: base }) },
    }
  }

  return {
    address: `${origin}/?token=${token}`,
    origin,
    token,
    server,
    ticket: () => {
      const ticket = secret()
      tickets.add(ticket)
      return `${origin}/?token=${ticket}`
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      await Promise.all([live.end(), marks.settled()])
      server.closeAllConnections()
      await closed
    },
  }
}

/** All routes by path. */
function routesOf(live: LiveLibrary, marks: MarkStore): ReadonlyMap<string, Route> {
  const { library } = live
  const page: Route = {
    isPage: true,
    get: async () => {
      const { bytes, policy } = await live.page()
      return {
        type: 'text/html; charset=utf-8',
        body: bytes,
        headers: { 'content-security-policy': `${policy}; frame-ancestors 'none'` },
      }
    },
  }
  const search: Route = {
    get: async ({ query, signal }) => {
      requireParameters(query, ['q', 'k', 'why'])
      const text = textOf(query, 'q')
      const mode = library.embedder === undefined ? 'lexical' : 'hybrid'
      const found = await library.search(text, { ...hitOptions(query), mode, signal })
      return json({ query: text, mode, ...hitData(found) })
    },
  }
  const related: Route = {
    get: async ({ query, signal }) => {
      requireParameters(query, ['k', 'why'], ['id'])
      const like = textsOf(query, 'id')
      const found = await library.related({ like }, { ...hitOptions(query), signal })
      return json({ like, ...hitData(found) })
    },
  }
  const stars: Route = {
    get: async () => json(await marks.read()),
    post: async ({ message, signal }) => {
      const change = checkedChange(await jsonBody(message))
      // Marks of removed papers can still be cleared.
      const found = change.value ? await library.readPapers(change.ids, { signal }) : []
      const unknown = change.value ? change.ids.find((_, i) => found[i] === undefined) : undefined
      if (unknown !== undefined)
        throw new PaperkinError('paper-not-found', `There is no paper ${show(unknown)}: nothing was marked.`)
      return json(await marks.change(change))
    },
  }
  const version: Route = { get: () => json({ ...live.version, size: library.size }) }
  return new Map([
    ['/', page],
    ['/api/search', search],
    ['/api/related', related],
    ['/api/stars', stars],
    ['/api/version', version],
  ])
}

// ---- access ------------------------------------------------------------------------------------------------------------

/** Refuses host names other than our own: someone else's name may resolve to this machine (DNS rebinding). */
function requireOwnHost({ headers, rawHeaders }: IncomingMessage, hosts: readonly string[]): void {
  const given = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length
  if (given !== 1 || !hosts.includes(headers.host?.toLowerCase() ?? ''))
    throw new Refusal(421, `Expected the host to be ${hosts[0]}, as in the address that was printed.`)
}

/** Refuses requests by pages of other origins, and writes of browsers that name no origin. */
function requireOwnPage(
  { method, headers }: IncomingMessage,
  hosts: readonly string[],
  { isProgram, isPage }: { readonly isProgram: boolean; readonly isPage: boolean },
): void {
  const { origin, host = '' } = headers
  const site = headers['sec-fetch-site']
  const isWrite = method === 'POST'
  const allowed = isWrite ? ['same-origin'] : ['same-origin', 'none']
  const isForeignSite = site !== undefined && !allowed.includes(String(site)) && (isWrite || !isPage)
  const isOwnOrigin = hosts.includes(host.toLowerCase()) && origin === `http://${host.toLowerCase()}`
  const isForeignOrigin = origin === undefined ? isWrite && !isProgram : !isOwnOrigin
  if (isForeignSite || isForeignOrigin) throw new Refusal(403, 'Expected a request of this page, not of another site.')
}

const secret = () => randomBytes(secretBytes).toString('base64url')

/** Compares in constant time. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function cookiesOf(header = ''): readonly string[] {
  return header
    .split(';')
    .map((pair) => pair.trim().split('='))
    .flatMap(([name, value]) => (name === cookieName && value !== undefined ? [value] : []))
}

function unauthorized(): Refusal {
  return new Refusal(401, 'Expected the address that `paperkin serve` printed, with its token: open that one.', {
    'www-authenticate': 'Bearer',
  })
}

// ---- what is asked -----------------------------------------------------------------------------------------------------

/** @param repeated names that may stand more than once */
function requireParameters(query: URLSearchParams, names: readonly string[], repeated: readonly string[] = []): void {
  for (const name of new Set(query.keys()))
    if (!repeated.includes(name) && (!names.includes(name) || query.getAll(name).length > 1)) {
      const again = repeated.map((one) => `, and ${one} once or more`).join('')
      throw new Refusal(400, `Expected the parameters ${names.join(', ')}, each once${again}, got ${show(name)}.`)
    }
}

const textOf = (query: URLSearchParams, name: string): string => checkedText(query.get(name), name)

function textsOf(query: URLSearchParams, name: string): string[] {
  const [first = null, ...more] = query.getAll(name)
  return [first, ...more].map((text) => checkedText(text, name))
}

function checkedText(given: string | null, name: string): string {
  const text = given?.trim() ?? ''
  if (text === '' || text.length > longestQuestion)
    throw new Refusal(
      400,
      `Expected \`${name}\` to be a text of 1 to ${longestQuestion} characters, got ${text.length}.`,
    )
  return text
}

function hitOptions(query: URLSearchParams): { readonly k: number; readonly why: boolean } {
  const count = query.get('k') ?? '20'
  const k = /^\d{1,6}$/u.test(count) ? Number(count) : 0
  if (k < 1 || k > mostHits) throw new Refusal(400, `Expected \`k\` to be 1 to ${mostHits}, got ${show(count)}.`)
  const why = query.get('why') ?? 'false'
  if (why !== 'true' && why !== 'false')
    throw new Refusal(400, `Expected \`why\` to be true or false, got ${show(why)}.`)
  return { k, why: why === 'true' }
}

const hitData = ({ hits, weights }: HitList) => ({
  weights,
  hits: hits.map(({ paper, ...hit }) => ({ ...paper, ...hit })),
})

/** Parses the body. Forms of other sites cannot send this content type without a preflight request. */
async function jsonBody(message: IncomingMessage): Promise<unknown> {
  const { headers } = message
  if (!/^application\/json(?:\s*;\s*charset=utf-8)?$/iu.test(headers['content-type'] ?? ''))
    throw new Refusal(415, `Expected the content type application/json, got ${show(headers['content-type'])}.`)
  if (headers['content-encoding'] !== undefined) throw new Refusal(415, 'Expected a body that is not encoded.')
  const tooLarge = () => new Refusal(413, `Expected a body of at most ${largestBody.toLocaleString('en-US')} bytes.`)
  if (Number(headers['content-length'] ?? 0) > largestBody) throw tooLarge()
  const parts: Buffer[] = []
  let length = 0
  // Keeps the connection open after an early exit, for the response.
  for await (const part of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += part.length
    if (length > largestBody) throw tooLarge()
    parts.push(part)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts)))
  } catch {
    throw new Refusal(400, 'Expected a body of JSON in UTF-8.')
  }
}

// ---- responses ---------------------------------------------------------------------------------------------------------

const commonHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

function json(value: unknown, status = 200): Reply {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) }
}

const statusOf: Readonly<Record<string, number>> = {
  'invalid-argument': 400,
  'paper-not-found': 404,
  'library-closed': 503,
}

function replyOf(error: unknown): Reply {
  if (error instanceof Refusal) {
    const { status, message, headers } = error
    return { status, type: 'text/plain; charset=utf-8', body: `${message}\n`, headers }
  }
  if (PaperkinError.isInstance(error)) {
    const { code, message } = error
    return json({ error: { code, message } }, statusOf[code] ?? 500)
  }
  // Unexpected errors are printed by the server and not shown to the client.
  return json({ error: { message: 'The request could not be answered; the terminal says why.' } }, 500)
}
