// npm run bench -- report [SET …]: trustworthiness of the map (10 neighbours, all papers or 2,000 of them) and its
// time, compared with umap-learn with its defaults and umap-js on the same vectors. Peers: see bench/peers/report.
//   --seeds N         seeds of our layout (3)
//   --kin             how many of the kin on a page `related` also finds, for 200 papers of each set
//   --pages           sizes of reports of 63, 1,000 and 40,899 papers; time to open one in Chromium, and frames per
//                     second while its map is dragged and zoomed
//   --pictures DIR    screenshots of the same pages at three widths, light and dark
//   --open            the same measurements of existing pages, given as FILE.html …
//   --rounds N        rounds of --open, each in a new browser (3)
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { trustworthiness } from '../src/evaluation/trustworthiness.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { layout } from '../src/report/layout.ts'
import type { ReportData } from '../src/report/write-report.ts'
import { endThreads } from '../src/runtime/worker-pool.ts'
import { readPapers } from '../src/sources/read-papers.ts'
import { neighbourGraph } from '../src/vectors/neighbour-graph.ts'
import { chromiumPath, launch, watch } from '../test/report/browser.ts'
import { dataPath, loadPapers, loadVectors, saveResult, useData } from './data.ts'

const peers = new URL('./peers/report/', import.meta.url).pathname
const neighbours = 14
const judgedRows = 2000

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: useData(args),
    options: {
      seeds: { type: 'string', default: '3' },
      kin: { type: 'boolean', default: false },
      pages: { type: 'boolean', default: false },
      pictures: { type: 'string' },
      open: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
    },
    allowPositionals: true,
  })
  if (values.kin) await compareKin(positionals.length > 0 ? positionals : ['cora'])
  else if (values.open && values.pictures !== undefined) await pictureFiles(positionals, values.pictures)
  else if (values.open) await measureFiles(positionals, Number(values.rounds))
  else if (values.pages || values.pictures !== undefined) await measurePages(values.pictures)
  else
    await measureLayouts(positionals.length > 0 ? positionals : ['arxiv-2025', 'arxiv-cs-2025'], Number(values.seeds))
  await endThreads()
}

async function measureLayouts(sets: readonly string[], seeds: number): Promise<void> {
  console.log('set            layout                 seconds  of which neighbours  longest pause  trustworthiness')
  const results: object[] = []
  for (const set of sets) {
    const { rows, dimensions, vectors } = await loadVectors(set)
    const step = Math.max(1, rows / judgedRows)
    const judged = Int32Array.from({ length: Math.min(rows, judgedRows) }, (_, i) => Math.floor(i * step))
    const tell = (name: string, places: Float32Array, time: { all: number; graph?: number; pause?: number }) => {
      const trust = trustworthiness(vectors, places, { judged })
      results.push({ set, rows, name, ...time, trustworthiness: trust })
      console.log(
        `${set.padEnd(14)} ${name.padEnd(20)} ${time.all.toFixed(1).padStart(9)} ${(time.graph?.toFixed(1) ?? '').padStart(20)} ${(time.pause === undefined ? '' : `${time.pause.toFixed(0)} ms`).padStart(14)} ${trust.toFixed(4).padStart(16)}`,
      )
    }
    for (let seed = 1; seed <= seeds; seed++) {
      const delay = monitorEventLoopDelay({ resolution: 5 })
      delay.enable()
      const started = performance.now()
      const graph = await neighbourGraph(vectors, { dimensions, k: neighbours })
      const middle = performance.now()
      const near = { rows, k: graph.k, neighbour: graph.rows, similarity: graph.scores }
      const places = await layout(near, { seed })
      const end = performance.now()
      delay.disable()
      tell(`paperkin, seed ${seed}`, places, {
        all: (end - started) / 1e3,
        graph: (middle - started) / 1e3,
        pause: delay.max / 1e6,
      })
    }
    const python = umapLearn(vectors, dimensions)
    if (python !== undefined) tell(`umap-learn ${python.version}`, python.places, { all: python.seconds })
    const javascript = await umapJs(vectors, dimensions)
    if (javascript !== undefined) tell('umap-js 1.4.0', javascript.places, javascript.time)
  }
  await saveResult('report', results)
}

function umapLearn(vectors: Float32Array, dimensions: number) {
  const python = join(peers, '.venv/bin/python')
  if (!existsSync(python)) {
    console.log(`left out: umap-learn, as ${python} is not there`)
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
  try {
    const [rows, out] = [join(folder, 'rows'), join(folder, 'places')]
    writeFileSync(rows, vectors)
    const { stdout, status, stderr } = spawnSync(python, [join(peers, 'umap_peer.py'), rows, String(dimensions), out], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`umap-learn failed: ${stderr}`)
    const { seconds, version } = JSON.parse(stdout.trim().split('\n').at(-1) as string)
    const bytes = readFileSync(out)
    const places = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    return { places, seconds: seconds[1] as number, version: version as string }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** umap-js with the same neighbours as ours, so that only the layout is compared. */
async function umapJs(vectors: Float32Array, dimensions: number) {
  const rows = vectors.length / dimensions
  if (!existsSync(join(peers, 'node_modules/umap-js')) || rows > 10_000) return undefined
  const { UMAP } = createRequire(join(peers, 'package.json'))('umap-js')
  const started = performance.now()
  const graph = await neighbourGraph(vectors, { dimensions, k: neighbours })
  const middle = performance.now()
  const lists = Array.from({ length: rows }, (_, row) => graph.rows.subarray(row * graph.k, (row + 1) * graph.k))
  const umap = new UMAP()
  umap.setPrecomputedKNN(
    lists.map((list, row) => [row, ...list]),
    lists.map((list, row) => [
      0,
      ...Array.from(list, (_, i) => Math.sqrt(Math.max(0, 2 - 2 * graph.scores[row * graph.k + i]!))),
    ]),
  )
  const places = Float32Array.from(
    umap.fit(lists.map((_, row) => Array.from(vectors.subarray(row * dimensions, (row + 1) * dimensions)))).flat(),
  )
  const end = performance.now()
  return { places, time: { all: (end - started) / 1e3, graph: (middle - started) / 1e3, pause: end - middle } }
}

async function compareKin(sets: readonly string[]): Promise<void> {
  for (const set of sets) {
    const library = await libraryOf(set)
    const data: ReportData = JSON.parse(
      await library.report(await library.topics({ resolution: 1 }), { format: 'json' }),
    )
    let same = 0
    let all = 0
    const step = Math.max(1, Math.floor(data.papers.length / 200))
    for (let i = 0; i < data.papers.length; i += step) {
      const { id, kin } = data.papers[i] as ReportData['papers'][number]
      const { hits } = await library.related(id, { k: kin.length })
      const found = new Set(hits.map(({ paper }) => paper.id))
      same += kin.filter((one) => found.has(one.id)).length
      all += kin.length
    }
    console.log(`${set}: ${((100 * same) / all).toFixed(2)} % of the kin on the page are those of \`related\``)
    await library.close()
  }
}

/** A library of a set, with vectors from the cache of the benches. */
async function libraryOf(set: string, limit?: number): Promise<PaperLibrary> {
  const papers = (await loadPapers(set, limit)).map(({ paper }) => paper)
  const { vectors, dimensions } = await loadVectors(set)
  const library = await PaperLibrary.open({ embedder: 'none' })
  await library.add(papers, { vectors: vectors.subarray(0, papers.length * dimensions) })
  return library
}

async function measurePages(pictures: string | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
  const browser = chromiumPath === undefined ? undefined : await launch()
  if (browser === undefined) console.log('Without Chromium: how long it takes to make them, and sizes only.')
  const results: object[] = []
  const collections: readonly (readonly [string, () => Promise<PaperLibrary>])[] = [
    ['digest', digestLibrary],
    ['arxiv-2025', () => libraryOf('arxiv-2025', 1000)],
    ['arxiv-cs-2025', () => libraryOf('arxiv-cs-2025')],
  ]
  for (const [name, open] of collections) {
    const library = await open()
    const topics = await library.topics()
    const path = join(pictures ?? folder, `${name}.html`)
    if (pictures !== undefined) mkdirSync(pictures, { recursive: true })
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const started = performance.now()
    const text = await library.report(topics, { path, title: titles[name] })
    const seconds = (performance.now() - started) / 1e3
    delay.disable()
    const papers = library.size
    await library.close()
    console.log(
      `${name}: ${papers.toLocaleString('en')} papers, ${topics.count} topics, made in ${seconds.toFixed(1)} s, longest pause ${(delay.max / 1e6).toFixed(0)} ms, ${text.length.toLocaleString('en')} bytes`,
    )
    const made = { name, papers, topics: topics.count, seconds, pauseMs: delay.max / 1e6, bytes: text.length }
    results.push({ ...made, ...(browser && (await tellOpened(browser, path))) })
    if (browser && pictures !== undefined) await takePictures(browser, { path, folder: pictures, name })
  }
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
  await saveResult('report-pages', results)
}

/** Measures existing pages, each `rounds` times in turn. */
async function measureFiles(paths: readonly string[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const path of paths) {
      const browser = await launch()
      await tellOpened(browser, path)
      await browser.close()
    }
}

async function tellOpened(browser: Browser, path: string) {
  const seen = await openPage(browser, path)
  const { dragged, zoomed } = seen
  const ms = (value: number) => `${value.toFixed(0)} ms`
  const frames = ({ perSecond, longestMs }: typeof dragged) =>
    `${perSecond.toFixed(0)} frames per second (longest ${ms(longestMs)})`
  console.log(
    `${path}: opens in ${ms(seen.openMs)}, a paper at ${ms(seen.panelMs)}, its abstract at ${ms(seen.abstractMs)}, read to the end at ${ms(seen.wholeMs)}; dragged ${frames(dragged)}, zoomed ${frames(zoomed)}; a search of all abstracts ${ms(seen.searchMs)}, a second ${ms(seen.searchAgainMs)}`,
  )
  return seen
}

const titles: Readonly<Record<string, string>> = {
  digest: 'The papers of a morning',
  'arxiv-2025': 'Computer science in 2025',
  'arxiv-cs-2025': 'All of computer science in 2025',
}

async function digestLibrary(): Promise<PaperLibrary> {
  const library = await PaperLibrary.open()
  await library.add(await readPapers(dataPath('digest/hf-papers-page.txt')))
  return library
}

/** Opens a page, drags and zooms its map, opens a paper, and searches the abstracts. */
async function openPage(browser: Browser, path: string) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  const complaints = watch(page)
  const started = performance.now()
  const since = () => performance.now() - started
  const loaded = page.waitForEvent('load', { timeout: 120_000 }).then(since)
  await page.goto(pathToFileURL(path).href, { waitUntil: 'commit' })
  await page.waitForSelector('html[data-ready]')
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))')
  const openMs = since()
  // Before the page is fully read: the first selected paper is named, and a click opens it.
  await page.getByRole('application').press('ArrowRight')
  await page.getByRole('application').press('Enter')
  await page.locator('.panel h2').waitFor()
  const panelMs = since()
  await page.locator('.panel .abstract').first().waitFor({ timeout: 120_000 })
  const abstractMs = since()
  const wholeMs = await loaded
  await page.keyboard.press('Escape')
  const dragged = await frames(page, async () => {
    await page.mouse.move(800, 450)
    await page.mouse.down()
    for (let i = 0; i < 40; i++)
      await page.mouse.move(800 + 200 * Math.sin(i / 5), 450 + 100 * Math.cos(i / 4), { steps: 4 })
    await page.mouse.up()
  })
  const zoomed = await frames(page, async () => {
    for (let i = 0; i < 60; i++) await page.mouse.wheel(0, i % 30 < 15 ? -60 : 60)
  })
  const asked = performance.now()
  await page.getByRole('searchbox').fill('gradient')
  const answered = page.locator('.scroll[aria-busy="false"]')
  await answered.waitFor({ timeout: 120_000 })
  const searchMs = performance.now() - asked
  const again = performance.now()
  await page.getByRole('searchbox').fill('gradients')
  await answered.waitFor({ timeout: 120_000 })
  const searchAgainMs = performance.now() - again
  if (complaints.length > 0) throw new Error(`The page complains: ${complaints.join('; ')}`)
  await page.close()
  return { openMs, panelMs, abstractMs, wholeMs, dragged, zoomed, searchMs, searchAgainMs }
}

/** Frames per second during an action, and the longest gap between two. */
async function frames(page: Page, act: () => Promise<void>): Promise<{ perSecond: number; longestMs: number }> {
  await page.evaluate(`{
    const frames = window.frames = [];
    (function count(time) { frames.push(time ?? performance.now()); if (window.frames === frames) requestAnimationFrame(count) })()
  }`)
  await act()
  const times = await page.evaluate<number[]>('[window.frames, window.frames = undefined][0]')
  const gaps = times.slice(1).map((time, i) => time - times[i]!)
  const sum = gaps.reduce((sum, gap) => sum + gap, 0)
  return { perSecond: (1000 * gaps.length) / sum, longestMs: Math.max(...gaps) }
}

async function pictureFiles(paths: readonly string[], folder: string): Promise<void> {
  const browser = await launch()
  mkdirSync(folder, { recursive: true })
  for (const path of paths) await takePictures(browser, { path, folder, name: basename(path, '.html') })
  await browser.close()
}

interface Pictures {
  readonly path: string
  readonly folder: string
  readonly name: string
}

/** Screenshots of the page as opened, with a topic and a paper, and with a search: three widths, two themes. */
async function takePictures(browser: Browser, { path, folder, name }: Pictures): Promise<void> {
  for (const [width, height] of [
    [390, 844],
    [1024, 768],
    [1920, 1080],
  ] as const)
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({
        viewport: { width, height },
        colorScheme,
        reducedMotion: 'reduce',
        deviceScaleFactor: width < 500 ? 2 : 1,
      })
      const shoot = async (what: string) => {
        await page.waitForTimeout(400)
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}-${what}.png`) })
      }
      await page.goto(pathToFileURL(path).href)
      await page.waitForSelector('html[data-ready]')
      await shoot('map')
      // The largest topic and its most typical paper.
      await page.evaluate("location.hash = '#topic=0'")
      await page.locator('.chip').waitFor()
      await page.locator('.papers .paper').first().click()
      await page.locator('.panel .abstract, .panel .note').first().waitFor()
      await shoot('paper')
      await page.evaluate("location.hash = ''")
      await page.getByRole('searchbox').fill('robot')
      await page.locator('.scroll[aria-busy="false"]').waitFor({ timeout: 120_000 })
      await shoot('search')
      await page.close()
    }
}
