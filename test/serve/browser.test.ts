// The live page in Chromium, and what pages of other origins in the same browser can do to it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { readMarks } from '../../src/serve/marks.ts'
import { chromiumPath, launch } from '../report/browser.ts'
import { servedLibrary, type Trial } from './served.ts'

const patient = { timeout: 30_000 }

describe.skipIf(chromiumPath === undefined)('the live page, in Chromium', () => {
  let browser: Browser
  let trial: Trial
  let context: BrowserContext
  const complaints: string[] = []
  const asked: string[] = []

  beforeAll(async () => {
    browser = await launch()
    trial = await servedLibrary()
    context = await browser.newContext({ reducedMotion: 'reduce' })
  })
  afterAll(async () => {
    await browser?.close()
    await trial?.end()
  })

  async function open(address = trial.served.address): Promise<Page> {
    const page = await context.newPage()
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('request', (request) => asked.push(request.url()))
    await page.goto(address)
    await page.waitForSelector('html[data-ready]')
    return page
  }

  const titles = (page: Page) => page.locator('.entry .name').allTextContents()

  test('opens with its token, and forgets it', async () => {
    const page = await open()
    expect(page.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/u)
    expect(await page.evaluate('document.cookie')).toBe('')
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2)
    await page.close()
  })

  test('asks the library', async () => {
    const page = await open()
    // Words of no paper, which only the model understands.
    await page.fill('input[type=search]', 'greenhouse emissions of the Arctic')
    const { hits } = await trial.library.search('greenhouse emissions of the Arctic')
    const near = hits.filter(({ isWeak }) => !isWeak).map(({ paper }) => paper.title)
    expect(near.length).toBeGreaterThan(0)
    await expect.poll(async () => (await titles(page)).slice(0, near.length), patient).toEqual(near)
    await expect.poll(() => asked.some((url) => url.includes('/api/search?')), patient).toBe(true)
    await page.close()
  })

  test('finds more like a paper, and like several, as the library does', async () => {
    const page = await open()
    for (const like of [['p2'], ['p1', 'p4']]) {
      await page.goto(`${page.url().replace(/#.*/u, '')}#${like.map((id) => `like=${id}`).join('&')}`)
      const { hits } = await trial.library.related({ like })
      await expect.poll(() => titles(page), patient).toEqual(hits.map(({ paper }) => paper.title))
      const last = asked.filter((url) => url.includes('/api/related?')).at(-1) ?? ''
      expect(new URL(last).searchParams.getAll('id')).toEqual(like)
    }
    // If the library refuses, the page answers.
    await page.route('**/api/related?*', (route) => route.abort())
    await page.goto(`${page.url().replace(/#.*/u, '')}#like=p3`)
    const [best] = (await trial.library.related('p3')).hits
    await expect.poll(async () => (await titles(page))[0], patient).toBe(best?.paper.title)
    expect(complaints.splice(0).every((text) => text.includes('ERR_FAILED'))).toBe(true)
    await page.close()
  })

  test('keeps stars in the library, and shows those of another window', async () => {
    const page = await open()
    const other = await open()
    await page.locator('.list .star').first().click()
    await expect.poll(async () => (await readMarks(trial.folder)).starred, patient).toHaveLength(1)
    const again = await open()
    expect(await again.locator('.list .star[aria-pressed=true]').count()).toBe(1)
    expect(await again.evaluate('localStorage.length')).toBe(0)
    await again.close()
    await other.bringToFront()
    await other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await other.waitForSelector('.list .star[aria-pressed=true]')
    await other.locator('.list .star[aria-pressed=true]').click()
    await expect.poll(async () => (await readMarks(trial.folder)).starred, patient).toEqual([])
    await other.close()
    await page.close()
  })

  test('offers papers that were added', async () => {
    const page = await open()
    const writer = await PaperLibrary.open({ path: trial.folder })
    await writer.add([{ id: 'p7', title: 'Clocks of mussels', abstract: 'Mussels open with the tide.' }])
    await writer.close()
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await page.waitForSelector('html[data-ready]')
    await expect.poll(() => titles(page), patient).toContain('Clocks of mussels')
    await page.close()
  })

  test('asked nobody but its server, and has nothing to complain of', () => {
    expect(complaints).toEqual([])
    for (const url of asked) expect(url.startsWith(trial.served.origin) || /^(?:data|blob):/u.test(url)).toBe(true)
  })

  test('is out of reach for a page at another port, which is of the same site', async () => {
    const page = await open()
    const address = page.url()
    const cookies: (string | undefined)[] = []
    const evil = createServer((request, response) => {
      cookies.push(request.headers.cookie)
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>evil</title>')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => evil.once('listening', resolve))
    const { port } = evil.address() as AddressInfo
    const attacker = await context.newPage()
    await attacker.goto(`http://127.0.0.1:${port}/`)
    const body = JSON.stringify({ ids: ['p1'], mark: 'starred', value: true })
    const outcomes = await attacker.evaluate(`(async () => {
      const [address, body] = ${JSON.stringify([address, body])}
      const attempt = (path, init) =>
        fetch(address + path, { credentials: 'include', ...init }).then(({ type }) => type, () => 'refused')
      const form = document.createElement('form')
      const frame = document.createElement('iframe')
      frame.name = 'target'
      const loaded = () => new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
      const framed = loaded()
      frame.src = address
      document.body.append(form, frame)
      await framed
      // A form of plain text whose name and value together are JSON.
      form.action = address + 'api/stars'
      form.method = 'post'
      form.enctype = 'text/plain'
      form.target = 'target'
      const field = document.createElement('input')
      field.name = body.slice(0, -1) + ',"x":"'
      field.value = '"}'
      form.append(field)
      const sent = loaded()
      form.submit()
      await sent
      let seen = 'no access'
      try {
        seen = frame.contentWindow.document.title
      } catch {}
      return {
        seen,
        read: await attempt('api/stars', {}),
        page: await attempt('', {}),
        script: await new Promise((resolve) => {
          const script = document.createElement('script')
          script.onload = () => resolve('loaded')
          script.onerror = () => resolve('refused')
          script.src = address + 'api/stars'
          document.head.append(script)
        }),
        write: await attempt('api/stars', { method: 'POST', body, headers: { 'content-type': 'application/json' } }),
        // A simple request is sent, and refused by the server.
        simple: await attempt('api/stars', { method: 'POST', body, mode: 'no-cors' }),
      }
    })()`)
    expect(outcomes).toEqual({
      seen: 'no access',
      read: 'refused',
      page: 'refused',
      script: 'refused',
      write: 'refused',
      simple: expect.stringMatching(/^(?:refused|opaque)$/u),
    })
    expect((await readMarks(trial.folder)).starred).toEqual([])
    expect(cookies.length).toBeGreaterThan(0)
    expect(cookies.every((cookie) => cookie === undefined)).toBe(true)
    await attacker.close()
    await page.close()
    evil.close()
    evil.closeAllConnections()
  })

  test('says so when the server has ended', async () => {
    const { end } = trial
    const page = await open()
    await trial.served.close()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.getByText('The library does not answer').waitFor()
    await page.close()
    trial = { ...trial, end: async () => {} }
    await end()
  })
})
