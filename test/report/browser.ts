// Chromium for the tests and the bench of the page: the path in CHROMIUM, or the system's.
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Paper } from '../../src/paper.ts'

export const chromiumPath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path))

/** Starts Chromium headless, without network requests of its own. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath as string,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Collects what a page must not cause: errors, warnings, policy violations, and requests other than for files. */
export function watch(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('request', (request) => {
    if (!/^(?:file|data|blob):/u.test(request.url())) complaints.push(`asked for ${request.url()}`)
  })
  return complaints
}

/** A paper of the example with fields of a listed one, different by its place. */
export function asListed(paper: Paper, place: number): Paper {
  return {
    ...paper,
    authors: [`Ada Núñez-Q${place}`, 'Grace Chen'],
    categories: [place % 3 === 0 ? 'cs.LG' : 'cs.CL'],
    published: `2026-0${1 + (place % 6)}-1${place % 10}`,
    url: `https://example.org/papers/${place}`,
  }
}
