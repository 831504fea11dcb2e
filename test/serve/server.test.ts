import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits, serve } from '../../src/serve/server.ts'
import { papers, raw, request, servedLibrary, type Trial } from './served.ts'

let trial: Trial
beforeAll(async () => {
  trial = await servedLibrary()
})
afterAll(() => trial.end())

const host = () => `Host: ${trial.host}`
const bearer = () => `Authorization: Bearer ${trial.served.token}`
const ask = (line: string, headers: readonly string[] = [host(), bearer()], body: string | Buffer = '') =>
  request(trial.port, line, headers, body)

/** What a browser has after it opened the address: its cookie, and where the page is. */
async function session(): Promise<{ readonly cookie: string; readonly base: string; readonly head: string }> {
  const { head, status } = await ask(`GET /?token=${trial.served.token}`, [host()])
  expect(status).toBe(303)
  const [, cookie = '', base = ''] = /set-cookie: (paperkin=[\w-]+); Path=(\/[\w-]+\/);/u.exec(head) ?? []
  return { cookie: `Cookie: theme=dark; ${cookie}`, base, head }
}

const star = (id: string, value = true) => JSON.stringify({ ids: [id], mark: 'starred', value })
const post = (path: string, headers: readonly string[], body: string) =>
  ask(`POST ${path}`, [host(), `Content-Length: ${Buffer.byteLength(body)}`, ...headers], body)
const starred = async () => JSON.parse((await ask('GET /api/stars')).body).starred as string[]

describe('who may ask', () => {
  it('is this machine alone', () => {
    const { address, family } = trial.served.server.address() as AddressInfo
    expect({ address, family }).toEqual({ address: '127.0.0.1', family: 'IPv4' })
    expect(new URL(trial.served.address).hostname).toBe('127.0.0.1')
  })

  it('has a token of 128 bits or more, another in every run', async () => {
    expect(Buffer.from(trial.served.token, 'base64url').length).toBeGreaterThanOrEqual(16)
    const other = await serve(trial.library)
    try {
      expect(other.token).not.toBe(trial.served.token)
      const { status } = await request(Number(new URL(other.origin).port), 'GET /api/version', [
        `Host: ${new URL(other.origin).host}`,
        bearer(),
      ])
      expect(status).toBe(401)
    } finally {
      await other.close()
    }
  })

  it.each([
    ['no token', '/', []],
    ['no token, for data', '/api/search?q=methane', []],
    ['no token, where there is nothing', '/nowhere', []],
    ['a wrong token', '/?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', []],
    ['an empty token', '/?token=', []],
    ['a wrong bearer', '/api/version', ['Authorization: Bearer AAAA']],
    ['the token by another scheme', '/api/version', ['Authorization: Basic TOKEN']],
    ['the token where only the entrance takes it', '/api/version?token=TOKEN', []],
    ['the token as a cookie', '/', ['Cookie: paperkin=TOKEN']],
  ])('is refused with %s', async (_, path, headers) => {
    const withToken = (text: string) => text.replace('TOKEN', trial.served.token)
    const { status, body, head } = await ask(`GET ${withToken(path)}`, [host(), ...headers.map(withToken)])
    expect(status).toBe(401)
    expect(body).toBe('Expected the address that `paperkin serve` printed, with its token: open that one.\n')
    expect(head).not.toMatch(/set-cookie/iu)
  })

  it('gets a cookie for the token, and an address without it', async () => {
    const { cookie, base, head } = await session()
    expect(head).toMatch(/set-cookie: paperkin=[\w-]{32}; Path=\/[\w-]{32}\/; HttpOnly; SameSite=Strict\r\n/u)
    expect(head).toContain(`location: ${base}\r\n`)
    expect(head).not.toContain(trial.served.token)
    const page = await ask(`GET ${base}`, [host(), cookie])
    expect(page.status).toBe(200)
    expect(page.body).toMatch(/^<!doctype html>[\s\S]*<\/html>\s*$/u)
    expect(page.text).not.toContain(trial.served.token)
    // A browser sends the cookie to other ports too, but below that path alone.
    expect((await ask('GET /', [host(), cookie])).status).toBe(401)
    expect((await ask('GET /api/version', [host(), cookie])).status).toBe(401)
    expect((await ask(`GET ${base}api/version`, [host(), cookie])).status).toBe(200)
    expect((await ask(`GET ${base}`, [host()])).status).toBe(401)
  })

  it('is sent on by our own page where a redirect would lose a strict cookie', async () => {
    const { status, body, head } = await ask(`GET /?token=${trial.served.token}`, [
      host(),
      'Sec-Fetch-Site: cross-site',
    ])
    expect(status).toBe(200)
    expect(head).toMatch(/set-cookie: .*SameSite=Strict/u)
    expect(body).toMatch(/http-equiv="refresh" content="0; url=\/[\w-]{32}\/"/u)
    expect(body).not.toContain(trial.served.token)
  })

  it('opens a ticket once', async () => {
    const ticket = new URL(trial.served.ticket())
    expect(ticket.href).not.toContain(trial.served.token)
    const path = `GET ${ticket.pathname}${ticket.search}`
    expect((await ask(path, [host()])).status).toBe(303)
    expect((await ask(path, [host()])).status).toBe(401)
  })
})

describe('DNS rebinding', () => {
  it.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1.evil.example:PORT',
    'localhost.evil.example:PORT',
    '0.0.0.0:PORT',
    '[::1]:PORT',
    '127.1:PORT',
    '2130706433:PORT',
    'user@127.0.0.1:PORT',
    '',
  ])('is refused by the host %j', async (name) => {
    const { status, text } = await ask('GET /api/version', [
      `Host: ${name.replace('PORT', String(trial.port))}`,
      bearer(),
    ])
    expect(status).toBe(421)
    expect(text).not.toContain('"version"')
  })

  it('knows both names of this machine, in any case', async () => {
    for (const name of [trial.host, `localhost:${trial.port}`, `LocalHost:${trial.port}`])
      expect((await ask('GET /api/version', [`Host: ${name}`, bearer()])).status).toBe(200)
  })

  it('wants one host', async () => {
    expect((await ask('GET /api/version', [bearer()])).status).toBe(400)
    const two = await ask('GET /api/version', [host(), 'Host: evil.example', bearer()])
    expect([400, 421]).toContain(two.status)
  })
})

describe('other origins', () => {
  const body = star('p1')
  const type = 'Content-Type: application/json'

  it.each([
    ['another site', 'http://evil.example'],
    ['another port of this machine', 'http://127.0.0.1:1'],
    ['no origin that can be named', 'null'],
    ['another scheme', 'https://HOST'],
    ['the other name of this machine', 'http://localhost:PORT'],
    ['something behind our own', 'http://HOST.evil.example'],
  ])('write nothing: %s', async (_, origin) => {
    const { cookie, base } = await session()
    const from = `Origin: ${origin.replace('HOST', trial.host).replace('PORT', String(trial.port))}`
    for (const [path, who] of [
      [`${base}api/stars`, cookie],
      ['/api/stars', bearer()],
    ] as const)
      expect((await post(path, [who, type, from], body)).status).toBe(403)
    expect(await starred()).toEqual([])
  })

  it.each(['cross-site', 'same-site', 'none', 'nonsense'])('write nothing from a page that is %s', async (site) => {
    const { cookie, base } = await session()
    const headers = [cookie, type, `Origin: http://${trial.host}`, `Sec-Fetch-Site: ${site}`]
    expect((await post(`${base}api/stars`, headers, body)).status).toBe(403)
    expect(await starred()).toEqual([])
  })

  it('write nothing where a browser names none', async () => {
    const { cookie, base } = await session()
    expect((await post(`${base}api/stars`, [cookie, type], body)).status).toBe(403)
    expect(await starred()).toEqual([])
  })

  it.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['text/plain; application/json'],
    ['application/json, text/plain'],
    ['application/jsonp'],
    [''],
  ])('cannot send a form as JSON: %j', async (given) => {
    const { cookie, base } = await session()
    const headers = [cookie, `Origin: http://${trial.host}`, ...(given === '' ? [] : [`Content-Type: ${given}`])]
    expect((await post(`${base}api/stars`, headers, body)).status).toBe(415)
    expect(await starred()).toEqual([])
  })

  it('read nothing', async () => {
    const { cookie, base } = await session()
    for (const path of ['api/stars', 'api/search?q=methane', 'api/related?id=p1', 'api/version'])
      for (const header of ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site', 'Origin: http://127.0.0.1:1']) {
        const { status, head } = await ask(`GET ${base}${path}`, [host(), cookie, header])
        expect(status).toBe(403)
        expect(head).not.toMatch(/access-control/iu)
      }
  })

  it('are not answered when they ask whether they may', async () => {
    const { status, head } = await ask('OPTIONS /api/stars', [
      host(),
      'Origin: http://evil.example',
      'Access-Control-Request-Method: POST',
      'Access-Control-Request-Headers: authorization, content-type',
    ])
    expect(status).toBe(405)
    expect(head).not.toMatch(/access-control/iu)
  })

  it('do not keep our own page from writing', async () => {
    const { cookie, base } = await session()
    const own = [cookie, type, `Origin: http://${trial.host}`, 'Sec-Fetch-Site: same-origin']
    expect((await post(`${base}api/stars`, own, body)).status).toBe(200)
    expect(await starred()).toEqual(['p1'])
    expect(JSON.parse((await post('/api/stars', [bearer(), type], star('p1', false))).body).starred).toEqual([])
  })
})

describe('paths', () => {
  it.each([
    '/../',
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/%252e%252e/etc/passwd',
    '/..\\..\\etc\\passwd',
    '//',
    '//etc/passwd',
    '//evil.example/api/version',
    '/./api/version',
    '/api/../api/version',
    '/api/version/',
    '/API/version',
    '/api%2fversion',
    '/api/version%00',
    '/api/version;x=1',
    '/api/version#x',
    '/marks.json',
    '/papers.log',
    '/api/__proto__',
    '/constructor',
  ])('lead to nothing: %s', async (path) => {
    const { base, cookie } = await session()
    for (const [given, who] of [
      [path, bearer()],
      [`${base}${path.slice(1)}`, cookie],
    ] as const) {
      const { status, body } = await ask(`GET ${given}`, [host(), who])
      expect([400, 404]).toContain(status)
      expect(body).not.toMatch(/root:|"version":/u)
    }
  })

  it.each(['http://evil.example/', 'http://127.0.0.1/api/version', 'file:///etc/passwd', 'api/version', '*'])(
    'are paths: %s',
    async (target) => {
      expect((await ask(`GET ${target}`)).status).toBe(400)
    },
  )

  it('have no NUL and no line ends in them', async () => {
    for (const target of ['/\0', '/api/version\0', '/a b', '/\x7f', '/\r', '/api/version\nX: y'])
      expect([400, 404, 505]).toContain((await ask(`GET ${target}`)).status)
  })

  it.each(['PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'OPTIONS'])('are not for %s', async (method) => {
    expect((await ask(`${method} /api/stars`)).status).toBe(405)
  })

  it('have methods of their own', async () => {
    const { status, head } = await post('/api/version', [bearer(), 'Content-Type: application/json'], '{}')
    expect(status).toBe(405)
    expect(head).toContain('allow: GET, HEAD')
    const whole = await ask('HEAD /')
    expect(whole.status).toBe(200)
    expect(whole.body).toBe('')
    expect(Number(/content-length: (\d+)/u.exec(whole.head)?.[1])).toBeGreaterThan(50_000)
  })

  it('tunnel nothing', async () => {
    const { text } = await ask('CONNECT evil.example:443')
    expect(text).not.toMatch(/^HTTP\/1\.1 2/u)
    const upgraded = await request(trial.port, 'GET /api/version', [host(), 'Upgrade: websocket', bearer()])
    expect(upgraded.status).not.toBe(101)
  })
})

describe('headers of every answer', () => {
  it.each(['/', '/api/version', '/nowhere', '/?token=wrong'])('%s', async (path) => {
    const { head } = await ask(`GET ${path}`)
    for (const line of [
      'cache-control: no-store',
      'x-content-type-options: nosniff',
      'x-frame-options: DENY',
      'referrer-policy: no-referrer',
      'cross-origin-resource-policy: same-origin',
      'cross-origin-opener-policy: same-origin',
    ])
      expect(head).toContain(line)
    expect(head).toMatch(/content-security-policy: default-src 'none';.*frame-ancestors 'none'/u)
    expect(head).not.toMatch(/unsafe|access-control/iu)
  })

  it('let the page ask nobody but this server', async () => {
    const { head, body } = await ask('GET /')
    expect(head).toContain("connect-src 'self';")
    // What the page says of itself is what the header says.
    const [, own] = /http-equiv="Content-Security-Policy" content="([^"]*)"/u.exec(body) ?? []
    expect(head).toContain(`content-security-policy: ${own}; frame-ancestors 'none'\r\n`)
    expect(body).toContain('<html lang="en" data-live>')
  })
})

describe('large and broken requests', () => {
  const type = 'Content-Type: application/json'

  it('are refused by their length before they are read', async () => {
    const head = [`POST /api/stars HTTP/1.1`, host(), bearer(), type, 'Content-Length: 1000000000', '', ''].join('\r\n')
    const { status, body } = await raw(trial.port, head)
    expect(status).toBe(413)
    expect(body).toBe('Expected a body of at most 1,048,576 bytes.\n')
  })

  it('are refused where they turn out longer', async () => {
    const head = [`POST /api/stars HTTP/1.1`, host(), bearer(), type, 'Transfer-Encoding: chunked', '', ''].join('\r\n')
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    const { status } = await raw(trial.port, head + chunk.repeat(17), (text) => text.includes('bytes.'))
    expect(status).toBe(413)
  })

  it('have short headers', async () => {
    expect((await ask('GET /api/version', [host(), bearer(), `X-Long: ${'x'.repeat(9000)}`])).status).toBe(431)
    expect((await ask(`GET /api/search?q=${'x'.repeat(9000)}`)).status).toBe(431)
    const many = Array.from({ length: 3000 }, (_, i) => `X-${i}: y`)
    expect((await ask('GET /api/version', [host(), bearer(), ...many])).status).toBe(431)
  })

  it.each([
    ['no JSON', 'ids=p1'],
    ['half of it', '{"ids":["p1"'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['a list', '[]'],
    ['null', 'null'],
    ['no ids', '{"mark":"starred","value":true}'],
    ['empty ids', '{"ids":[],"mark":"starred","value":true}'],
    ['ids that are none', '{"ids":[1],"mark":"starred","value":true}'],
    ['another mark', '{"ids":["p1"],"mark":"__proto__","value":true}'],
    ['a value that is none', '{"ids":["p1"],"mark":"starred","value":"yes"}'],
    ['something else', '{"ids":["p1"],"mark":"starred","value":true,"path":"/etc/passwd"}'],
    ['a prototype', '{"__proto__":{"ids":["p1"]},"mark":"starred","value":true}'],
  ])('are refused where the body is wrong: %s', async (_, body) => {
    const headers = [host(), bearer(), type, `Content-Length: ${Buffer.byteLength(body)}`]
    expect((await ask('POST /api/stars', headers, body)).status).toBe(400)
    expect(await starred()).toEqual([])
  })

  it('mark no paper that is not there', async () => {
    const { status, body } = await post(
      '/api/stars',
      [bearer(), type],
      JSON.stringify({ ids: ['p1', 'p99'], mark: 'starred', value: true }),
    )
    expect(status).toBe(404)
    expect(JSON.parse(body).error).toEqual({
      code: 'paper-not-found',
      message: 'There is no paper `"p99"` (string): nothing was marked.',
    })
    expect(await starred()).toEqual([])
  })

  it.each([
    '/api/search',
    '/api/search?q=',
    '/api/search?q=%20',
    '/api/search?q=a&q=b',
    '/api/search?q=a&k=0',
    '/api/search?q=a&k=201',
    '/api/search?q=a&k=1e2',
    '/api/search?q=a&mode=x',
    '/api/search?q=a&why=maybe',
    '/api/related?id=',
    '/api/related?k=3',
    '/api/related?id=p1&id=',
    '/api/related?q=p1',
  ])('ask what can be meant: %s', async (path) => {
    expect((await ask(`GET ${path}`)).status).toBe(400)
  })

  it('ask no long questions', async () => {
    expect((await ask(`GET /api/search?q=${'x'.repeat(2001)}`)).status).toBe(400)
  })

  it('have bounds in time and number', () => {
    const { server } = trial.served
    expect(server).toMatchObject({
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxConnections: limits.connections,
    })
    expect(limits.headersMs).toBeGreaterThan(0)
    expect(limits.headersMs).toBeLessThanOrEqual(limits.requestMs)
  })

  it('smuggle no second request', async () => {
    const both = ['Content-Length: 5', 'Transfer-Encoding: chunked']
    const { text } = await ask(
      'POST /api/stars',
      [host(), bearer(), type, ...both],
      '0\r\n\r\nGET /api/version HTTP/1.1\r\n\r\n',
    )
    expect(text.match(/HTTP\/1\.1 \d/gu)).toEqual(['HTTP/1.1 4'])
  })
})

describe('what is asked', () => {
  it('is answered by meaning, and why', async () => {
    const { status, body } = await ask('GET /api/search?q=greenhouse+gas+from+frozen+lakes&k=2&why=true')
    expect(status).toBe(200)
    const { query, mode, hits } = JSON.parse(body)
    expect({ query, mode }).toEqual({ query: 'greenhouse gas from frozen lakes', mode: 'hybrid' })
    expect(hits.map(({ id }: { id: string }) => id).sort()).toEqual(['p1', 'p2'])
    expect(hits[0].semantic).toBeGreaterThan(0.1)
    expect(hits[0].why.parts.semantic).toBeGreaterThan(0)
    const { hits: own } = await trial.library.search('greenhouse gas from frozen lakes', { k: 2 })
    expect(hits.map(({ id, score }: { id: string; score: number }) => [id, score])).toEqual(
      own.map(({ paper, score }) => [paper.id, score]),
    )
  })

  it('is answered with kin', async () => {
    const { hits } = JSON.parse((await ask('GET /api/related?id=p3&k=1')).body)
    expect(hits.map(({ id }: { id: string }) => id)).toEqual(['p4'])
    const several = JSON.parse((await ask('GET /api/related?id=p3&id=p4&k=2')).body)
    expect(several.like).toEqual(['p3', 'p4'])
    const wanted = await trial.library.related({ like: ['p3', 'p4'] }, { k: 2 })
    expect(several.hits.map(({ id }: { id: string }) => id)).toEqual(wanted.hits.map(({ paper }) => paper.id))
    const { status, body } = await ask('GET /api/related?id=p33')
    expect(status).toBe(404)
    expect(JSON.parse(body).error.code).toBe('paper-not-found')
  })

  it('is answered whole to a hundred clients at once', async () => {
    const page = (await ask('GET /')).body
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        if (i % 2 === 0) return (await ask('GET /')).body === page
        const { status, body } = await ask(`GET /api/search?q=${encodeURIComponent(String(papers[i % 6]?.title))}&k=1`)
        return status === 200 && JSON.parse(body).hits[0].id === papers[i % 6]?.id
      }),
    )
    expect(answers).toEqual(Array.from({ length: 100 }, () => true))
    expect(page.endsWith('</html>\n')).toBe(true)
  })

  it('is answered while others send nothing', async () => {
    const { connect } = await import('node:net')
    const idle = Array.from({ length: 50 }, () => connect(trial.port, '127.0.0.1').on('error', () => {}))
    for (const socket of idle) socket.write('GET / HT')
    expect((await ask('GET /api/version')).status).toBe(200)
    for (const socket of idle) socket.destroy()
  })

  it('causes no problem that nobody asked about', () => {
    expect(trial.problems).toEqual([])
  })
})

it('says which port is taken', async () => {
  await expect(serve(trial.library, { port: trial.port })).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(/`port`.*it is in use/u),
  })
})
