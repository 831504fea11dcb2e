import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const report = (...args: string[]) => run(['report', 'examples/digest.txt', ...args])

test('writes a page, and reports it', async () => {
  const path = join(folder, 'today.html')
  const { status, stdout, stderr } = await report('--out', path, '--topics', '6', '--year', '2026', '--json')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '50 papers from a copied page\n' })
  const page = readFileSync(path, 'utf8')
  expect(page).toContain('<title>Papers of 7 November 2026</title>')
  const written = JSON.parse(stdout)
  expect(written).toEqual({
    path,
    bytes: Buffer.byteLength(page),
    papers: 50,
    topics: 6,
    outliers: written.outliers,
    sources: written.sources,
  })
  expect(written.sources).toMatchObject([{ format: 'page', papers: [{ count: 50 }] }])
})

test('prints Markdown without --out, and refuses an unknown format', async () => {
  const { status, stdout } = await report('--format', 'markdown', '--topics', '6', '--title', 'Today')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^# Today\n\n50 papers, 6 topics\./u)
  expect(stdout.match(/^## \d\. /gmu)).toHaveLength(6)
  expect(await report('--format', 'pdf')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/Allowed choices are html/u),
  })
})
