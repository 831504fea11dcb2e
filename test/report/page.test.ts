import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { ReportData } from '../../src/report/write-report.ts'
import { readPapers } from '../../src/sources/read-papers.ts'
import { run } from '../cli/run.ts'
import { asListed, chromiumPath, launch, watch } from './browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'paperkin-page-'))
const attack = `<img src=x onerror="document.title='owned'"></script><script>document.title='owned'</script>`

let browser: Browser
let address: string
let hostile: string
let data: ReportData

async function open(hash = '', options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options })
  const complaints = watch(page)
  await page.goto(`${address}${hash}`)
  await page.waitForSelector('html[data-ready]')
  return { page, complaints }
}

/** What axe finds wrong with the page as it is; what it finds right stays in the browser. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>("typeof axe === 'object'"))) await page.evaluate(axe)
  const found = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
    `axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => ({ html })) })))`,
  )
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const nameOf = (id: string) => data.papers.find((paper) => paper.id === id)?.name ?? ''

describe.skipIf(chromiumPath === undefined)('the page, in Chromium', () => {
  beforeAll(async () => {
    browser = await launch()
    const library = await PaperLibrary.open()
    const papers = await readPapers('examples/digest.txt')
    await library.add(papers.map(asListed))
    const topics = await library.topics({ count: 9, seed: 1, outlierShare: 0.04 })
    const file = join(folder, 'report.html')
    await library.report(topics, { path: file, title: 'The morning’s papers' })
    data = JSON.parse(await library.report(topics, { format: 'json', title: 'The morning’s papers' }))
    address = pathToFileURL(file).href
    const ids = papers.map(({ id }) => id)
    const novelty = {
      papers: ids,
      from: '2026-01-10',
      to: '2026-01-10',
      earlier: { count: 1200, from: '2025-11-15', to: '2026-01-09' },
      undated: 0,
      areas: [],
      terms: [{ term: attack, variants: [], count: 3, before: 2, ratio: 41.7, p: 1e-5, papers: ids.slice(0, 3) }],
      unlike: [{ id: ids[4]!, title: attack, nearest: { id: 'x', title: attack, similarity: 0.41 }, share: 0.01 }],
    }
    await library.report(topics, { path: join(folder, 'news.html'), novelty })
    const coded = await PaperLibrary.open()
    await coded.add(
      papers.map((paper, i) => ({
        ...paper,
        categories: [i % 3 === 0 ? 'cs.CL' : i % 2 ? 'cs.LG' : `Z${i}x`, `${i}Axx`],
      })),
    )
    await coded.report(await coded.topics({ count: 6 }), { path: join(folder, 'codes.html') })
    await coded.close()
    await library.add([
      {
        id: attack,
        title: attack,
        abstract: `${attack} ${'About robots that grasp glass. '.repeat(20)}`,
        authors: [attack],
        url: 'javascript:document.title="owned"',
      },
      {
        title: '{{constructor.constructor("alert(1)")()}}',
        abstract: '</style></title><!--<script>',
        categories: [attack],
      },
    ])
    hostile = join(folder, 'hostile.html')
    await library.report(await library.topics({ count: 3, label: ({ id }) => `${attack} ${id}` }), {
      path: hostile,
      title: attack,
    })
    await library.close()
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('opens from disk, lists the topics, and requests nothing', async () => {
    const { page, complaints } = await open()
    expect(await page.title()).toBe('The morning’s papers')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('The morning’s papers')
    for (const { label, size } of data.topics)
      expect(await page.getByRole('button', { name: `${label} ${size} papers`, exact: true }).count()).toBe(1)
    expect(await page.getByRole('button', { name: `In no topic ${data.outliers.length} papers` }).count()).toBe(1)
    // The list scrolls, the page never does.
    await page.setViewportSize({ width: 1200, height: 400 })
    expect(await page.evaluate('document.documentElement.scrollHeight')).toBe(400)
    expect(complaints).toEqual([])
    await page.close()
  })

  test('by mouse: hover names a paper, a click opens it, a click on kin opens it, back goes back', async () => {
    const { page, complaints } = await open()
    const map = page.getByRole('application')
    const box = (await map.boundingBox()) as { x: number; y: number; width: number; height: number }
    let hit: { x: number; y: number } | undefined
    for (let y = 0.5; y < 0.9 && hit === undefined; y += 0.04)
      for (let x = 0.2; x < 0.8 && hit === undefined; x += 0.025) {
        const at = { x: box.x + x * box.width, y: box.y + y * box.height }
        await page.mouse.move(at.x, at.y)
        if (await page.locator('.tip').isVisible()) hit = at
      }
    expect(hit).toBeDefined()
    const title = await page.locator('.tip strong').textContent()
    await page.mouse.click(hit!.x, hit!.y)
    const panel = page.getByRole('region', { name: title! })
    await panel.waitFor()
    const first = data.papers.find(({ name }) => name === title)!
    expect(page.url()).toContain(`paper=${encodeURIComponent(first.id)}`)
    expect(await panel.locator('.abstract').first().textContent()).toBe(first.abstract.split(/\n\s*\n/u)[0])
    expect(await panel.locator('.authors').textContent()).toContain('Grace Chen')
    expect(await panel.getByRole('link').first().getAttribute('href')).toBe(first.url)
    expect(await panel.locator('.kin li').count()).toBe(8)
    for (const [i, kin] of first.kin.entries()) {
      const item = panel.locator('.kin li').nth(i)
      expect(await item.locator('.kin-title').textContent()).toBe(nameOf(kin.id))
      expect(await item.locator('.detail').textContent()).toContain('meaning')
      expect(await item.locator('.detail').textContent()).toContain(kin.shared.join(', '))
    }
    await panel.locator('.kin li button').first().click()
    await page.getByRole('region', { name: nameOf(first.kin[0]!.id) }).waitFor()
    await page.goBack()
    await panel.waitFor()
    await page.goBack()
    await expect.poll(() => page.locator('.panel').isVisible()).toBe(false)
    await page.goForward()
    await panel.waitFor()
    expect(complaints).toEqual([])
    await page.close()
  })

  test('by keyboard alone: topics, search, a paper, its kin, and out again; then the map', async () => {
    const { page, complaints } = await open()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.className')).toBe('map')
    await page.keyboard.press('/')
    await page.keyboard.type('bounded mem')
    await expect.poll(() => page.locator('.list h2').textContent()).toMatch(/^\d+ papers?$/u)
    const wanted = data.papers.filter(({ title }) => /bounded mem/iu.test(title))
    expect(wanted.length).toBeGreaterThan(0)
    const tabTo = async (kind: string) => {
      for (let i = 0; i < 20; i++) {
        if (await page.evaluate(`document.activeElement.classList.contains('${kind}')`)) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`No ${kind} within 20 steps of the Tab key.`)
    }
    await tabTo('paper')
    expect(wanted.map(({ name }) => name)).toContain(
      await page.evaluate("document.activeElement.querySelector('.name').textContent"),
    )
    const opened = await page.evaluate<string>("document.activeElement.querySelector('.name').textContent")
    const first = data.papers.find(({ name }) => name === opened)!
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: opened }).waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe(opened)
    await tabTo('kin-paper')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: nameOf(first.kin[0]!.id) }).waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => page.locator('.panel').isVisible()).toBe(false)
    expect(await page.evaluate("document.activeElement.classList.contains('paper')")).toBe(true)
    await page.getByRole('searchbox').focus()
    await page.keyboard.press('Escape')
    await expect.poll(() => page.locator('.list h2').textContent()).toBe('50 papers')

    await page.getByRole('application').focus()
    await page.keyboard.press('ArrowRight')
    const said = await page.getByRole('status').textContent()
    expect(data.papers.some(({ name }) => said?.startsWith(name))).toBe(true)
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('+')
    await page.keyboard.press('Shift+ArrowUp')
    await page.keyboard.press('0')
    await page.keyboard.press('Enter')
    await page.locator('.panel h2').waitFor()
    expect(complaints).toEqual([])
    await page.close()
  })

  test('a topic opens in place, filters the map and is in the address; the hierarchy folds', async () => {
    const { page, complaints } = await open()
    const picture = () => page.evaluate("document.querySelector('.map').toDataURL()")
    const whole = await picture()
    const [topic] = data.topics
    const button = page.getByRole('button', { name: `${topic!.label} ${topic!.size} papers`, exact: true })
    await button.click()
    expect(await button.getAttribute('aria-pressed')).toBe('true')
    expect(page.url()).toContain(`#topic=${topic!.id}`)
    const named = page.locator('.papers .name')
    expect(await page.locator('.list h2').textContent()).toBe(`${topic!.size} papers`)
    // Most typical first.
    expect((await named.allTextContents()).slice(0, topic!.representatives.length).sort()).toEqual(
      topic!.representatives.map(nameOf).sort(),
    )
    const detail = page.locator('.topics .detail:visible')
    expect(await detail.locator('.terms').textContent()).toBe(topic!.terms.join(' · '))
    expect(await detail.locator('.curve').count()).toBe(1)
    expect(await picture()).not.toBe(whole)
    await button.click()
    expect(page.url()).not.toContain('topic')
    await expect.poll(picture).toBe(whole)

    const caret = page.locator('.caret').first()
    const inner = page.locator(`#${await caret.getAttribute('aria-controls')}`)
    expect(await caret.getAttribute('aria-expanded')).toBe('true')
    await caret.click()
    expect(await inner.isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Fold all' }).click()
    await page.getByRole('button', { name: 'Unfold all' }).click()
    expect(await inner.isVisible()).toBe(true)
    expect(complaints).toEqual([])
    await page.close()
  })

  test('filters narrow what a search finds, and say how many papers each choice has', async () => {
    const { page } = await open()
    const heading = page.locator('.list h2')
    await page.getByRole('searchbox').fill('NUNEZ q17')
    await expect.poll(() => page.locator('.papers .name').first().textContent()).toBe(data.papers[17]!.name)
    await page.getByRole('searchbox').fill('')
    await page.getByLabel('Category').selectOption('cs.LG')
    await expect.poll(() => heading.textContent()).toBe(`${data.papers.filter((_, i) => i % 3 === 0).length} papers`)
    expect(await page.getByLabel('Category').locator('option').allTextContents()).toEqual([
      'All categories',
      'cs.CL (33)',
      'cs.LG (17)',
    ])
    await page.getByLabel('Published from').fill('2026-05-01')
    const late = data.papers.filter(({ published }, i) => i % 3 === 0 && published! >= '2026-05-01')
    await expect.poll(() => heading.textContent()).toBe(`${late.length} papers`)
    await page.getByRole('searchbox').fill('zzzzzzzz')
    await expect.poll(() => heading.textContent()).toBe('0 papers')
    expect(await page.locator('.list-head').textContent()).toContain('No paper has “zzzzzzzz”.')
    await page.close()
  })

  test('areas are a choice, with counts of the papers that pass the other filters', async () => {
    const { page, complaints } = await open()
    const heading = page.locator('.list h2')
    const area = page.getByLabel('Area')
    const options = async () =>
      (await area.locator('option:not([hidden])').allTextContents()).slice(1).map((text) => text.trim())
    const counted = (papers: ReportData['papers'], level: 'discipline' | 'field' | 'area', name: string) =>
      `${name} (${papers.filter((paper) => paper.area?.[level] === name).length})`
    const some = data.papers.find((paper) => paper.area?.discipline === 'Robotics')!.area!
    const shown = await options()
    expect(shown).toHaveLength(
      data.areas.reduce(
        (sum, { children }) => sum + 1 + children.reduce((all, one) => all + 1 + one.children.length, 0),
        0,
      ),
    )
    for (const level of ['discipline', 'field', 'area'] as const)
      expect(shown).toContain(counted(data.papers, level, some[level]))
    const indexOf = async (name: string) =>
      area.locator('option').evaluateAll((all, wanted) => {
        const one = (all as unknown as { textContent: string; value: string }[]).find(({ textContent }) =>
          textContent.trim().startsWith(`${wanted} (`),
        )
        return one?.value ?? ''
      }, name)
    await area.selectOption(await indexOf('Robotics'))
    const within = data.papers.filter((paper) => paper.area?.discipline === 'Robotics')
    await expect.poll(() => heading.textContent()).toBe(`${within.length} papers`)
    // The counts depend on the other filters: a category changes them, the chosen area does not.
    expect(await options()).toEqual(shown)
    await page.getByLabel('Category').selectOption('cs.LG')
    const ofCategory = data.papers.filter((_, i) => i % 3 === 0)
    const left = ofCategory.filter((paper) => paper.area?.discipline === 'Robotics')
    await expect.poll(() => heading.textContent()).toBe(`${left.length} paper${left.length === 1 ? '' : 's'}`)
    expect(await options()).toContain(counted(ofCategory, 'discipline', 'Robotics'))
    expect((await options()).length).toBeLessThan(shown.length)
    await area.selectOption(await indexOf(some.area))
    await page.getByLabel('Category').selectOption('')
    await expect
      .poll(() => heading.textContent())
      .toMatch(new RegExp(`^${data.papers.filter((paper) => paper.area?.area === some.area).length} paper`, 'u'))
    await page.locator('.list .paper').first().click()
    await page.locator('.panel').getByText(`${some.area} · ${some.field} · ${some.discipline}`).waitFor()
    expect(complaints).toEqual([])
    await page.close()
  })

  test('news are above the topics, unfold to their papers, and never become markup', async () => {
    const page = await browser.newPage()
    const complaints = watch(page)
    await page.goto(pathToFileURL(join(folder, 'news.html')).href)
    await page.waitForSelector('html[data-ready]')
    const news = page.locator('.news')
    expect(await news.getByRole('paragraph').first().textContent()).toBe(
      '50 papers of 10 January 2026, against 1,200 since 15 November 2025.',
    )
    const term = news.locator('details summary')
    expect(await term.textContent()).toBe(`“${attack}”3 of 50, before 2 of 1,200: 42 ×`)
    expect(await news.locator('details .paper').first().isVisible()).toBe(false)
    await term.click()
    expect(await news.locator('details .paper').allTextContents()).toEqual(
      data.papers.slice(0, 3).map(({ name }) => name),
    )
    expect(await news.getByText('nearest, at .41').textContent()).toBe(`nearest, at .41: ${attack}`)
    expect(await violations(page)).toEqual([])
    await news.getByRole('button', { name: nameOf(data.papers[4]!.id), exact: true }).click()
    await page.getByRole('region', { name: nameOf(data.papers[4]!.id) }).waitFor()
    expect(await page.title()).not.toBe('owned')
    expect(complaints).toEqual([])
    await page.close()
  })

  test('dragging and the wheel move the map; the buttons zoom and show all of it again', async () => {
    const { page, complaints } = await open()
    const map = page.getByRole('application')
    const picture = () => page.evaluate("document.querySelector('.map').toDataURL()")
    const whole = await picture()
    const box = (await map.boundingBox())!
    await page.mouse.move(box.x + 300, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + 400, box.y + 120, { steps: 4 })
    await page.mouse.up()
    await expect.poll(picture).not.toBe(whole)
    const dragged = await picture()
    // The place on the map is in the address, without a step in the history.
    await expect.poll(() => page.url()).toMatch(/#at=-?\d+%2C-?\d+%2C[\d.]+$/u)
    await page.mouse.wheel(0, -400)
    await page.getByRole('button', { name: 'Zoom in' }).click()
    expect(await picture()).not.toBe(dragged)
    await page.getByRole('button', { name: 'Show all of the map' }).click()
    await expect.poll(() => page.url()).not.toContain('at=')
    await page.mouse.move(5, 5)
    await page.getByRole('searchbox').focus()
    await expect.poll(picture).toBe(whole)
    expect(complaints).toEqual([])
    await page.close()
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 820],
  ] as const)(
    'axe finds nothing in %s at %i pixels, with lists, a topic and a paper open',
    async (colorScheme, width) => {
      const { page, complaints } = await open('', { colorScheme, viewport: { width, height: 800 } })
      expect(await violations(page)).toEqual([])
      await page.evaluate(`location.hash = '#topic=0&paper=${encodeURIComponent(data.papers[0]!.id)}'`)
      await page.locator('.panel h2').waitFor()
      expect(await violations(page)).toEqual([])
      expect(complaints).toEqual([])
      // Nothing overflows the window.
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      await page.close()
    },
  )

  test('on a phone filters unfold, a paper lies over the lists, and closing it shows all of the map again', async () => {
    const { page, complaints } = await open('', { viewport: { width: 390, height: 844 }, hasTouch: true })
    // Antialiasing may differ between two drawings: pictures count as the same if few pixels differ.
    const changed = () =>
      page.evaluate<number>(
        `((map) => {
          const copy = new OffscreenCanvas(map.width, map.height).getContext('2d', { willReadFrequently: true })
          copy.drawImage(map, 0, 0)
          const now = copy.getImageData(0, 0, map.width, map.height).data
          const whole = window.whole ??= now
          return now.reduce((sum, value, i) => sum + (Math.abs(value - (whole[i] ?? -99)) > 16), 0) / whole.length
        })(document.querySelector('.map'))`,
      )
    expect(await changed()).toBe(0)
    expect(await page.getByLabel('Category').isVisible()).toBe(false)
    const filters = page.getByRole('button', { name: 'Filters' })
    await filters.tap()
    expect(await filters.getAttribute('aria-expanded')).toBe('true')
    expect(await page.getByLabel('Category').isVisible()).toBe(true)
    await filters.tap()
    const topic = data.topics[0]!
    await page.getByRole('button', { name: 'Topics', exact: true }).tap()
    await page.getByRole('button', { name: `${topic.label} ${topic.size} papers`, exact: true }).tap()
    await page.getByRole('button', { name: 'Papers', exact: true }).tap()
    const name = (await page.locator('.papers .name').first().textContent())!
    expect(topic.representatives.map(nameOf)).toContain(name)
    await page.locator('.papers .paper').first().tap()
    const panel = page.getByRole('region', { name })
    await panel.waitFor()
    expect((await panel.boundingBox())!.y).toBeGreaterThan(200)
    expect(await changed()).toBeGreaterThan(0.02)
    await page.evaluate("location.hash = ''")
    await expect.poll(changed).toBeLessThan(0.005)
    expect(complaints).toEqual([])
    await page.close()
  })

  test('draws the map before the abstracts are read, and says so if the file is cut off', async () => {
    const html = readFileSync(join(folder, 'report.html'), 'utf8')
    const block = html.indexOf('id="texts-0"')
    expect(html.indexOf('id="core"')).toBeLessThan(html.lastIndexOf('<script>'))
    expect(html.lastIndexOf('<script>')).toBeLessThan(block)
    const cut = join(folder, 'cut.html')
    writeFileSync(cut, html.slice(0, block + 2000))
    const page = await browser.newPage()
    const complaints = watch(page)
    await page.goto(`${pathToFileURL(cut).href}#paper=${encodeURIComponent(data.papers[1]!.id)}`)
    await page.locator('.panel .note').waitFor()
    expect(await page.locator('.panel .note').textContent()).toContain('incomplete')
    await page.getByRole('searchbox').fill(data.papers[1]!.title)
    await expect.poll(() => page.locator('.papers .name').first().textContent()).toBe(data.papers[1]!.name)
    writeFileSync(cut, html.replace(/(id="core">).{40}/u, '$1'))
    await page.goto(`${pathToFileURL(cut).href}`)
    await expect.poll(() => page.locator('body').textContent()).toContain('cannot be opened')
    // Only the error of the broken core.
    expect(complaints.length).toBe(1)
    await page.close()
  })

  test('prints every paper under its topic', async () => {
    const { page } = await open()
    await page.emulateMedia({ media: 'print' })
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    const printed = page.locator('.printed')
    expect(await printed.isVisible()).toBe(true)
    expect(await page.locator('.app').isVisible()).toBe(false)
    expect(await printed.locator('h2').count()).toBe(data.topics.length + 1)
    expect((await printed.locator('li strong').allTextContents()).sort()).toEqual(
      data.papers.map(({ name }) => name).sort(),
    )
    expect(await printed.locator('li p').count()).toBe(data.papers.length)
    expect((await page.pdf()).subarray(0, 5).toString()).toBe('%PDF-')
    await page.close()
  })

  test('the text of papers never becomes markup, a script or a link', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
    const complaints = watch(page)
    await page.goto(`${pathToFileURL(hostile).href}#paper=${encodeURIComponent(attack)}`)
    await page.waitForSelector('html[data-ready]')
    await page.locator('.panel h2').waitFor()
    expect(await page.locator('h1').textContent()).toBe(attack)
    expect(await page.locator('.panel h2').textContent()).toBe(attack)
    expect(await page.locator('.authors').textContent()).toBe(attack)
    // Without a safe address, the links are searches.
    for (const link of await page.locator('.panel a').all())
      expect(await link.getAttribute('href')).toMatch(/^https:\/\/(?:arxiv\.org|scholar\.google\.com)\/[!-~]*$/u)
    expect(await page.locator('img').count()).toBe(0)
    await page.getByRole('searchbox').fill('constructor')
    await page.locator('.list .paper').first().click()
    expect(await page.locator('.panel .facts').first().textContent()).toContain(attack)
    expect(await page.title()).not.toBe('owned')
    expect(complaints).toEqual([])
    await page.close()
  })

  test('the policy refuses code that is not the page’s own', async () => {
    const changed = join(folder, 'changed.html')
    const html = readFileSync(join(folder, 'report.html'), 'utf8')
    writeFileSync(
      changed,
      html.replace('</body>', `<script>document.title = 'owned'</script><img src="https://example.org/x.png"></body>`),
    )
    const page = await browser.newPage()
    const complaints = watch(page)
    await page.goto(pathToFileURL(changed).href)
    await page.waitForSelector('html[data-ready]')
    expect(await page.title()).toBe('The morning’s papers')
    expect(complaints.filter((complaint) => /content security policy/iu.test(complaint)).length).toBeGreaterThanOrEqual(
      2,
    )
    await page.close()
  })

  describe('twenty tasks of a reader', () => {
    const names = (page: Page) => page.locator('.papers .name').allTextContents()
    const heading = (page: Page) => page.locator('.list h2').textContent()
    const entry = (page: Page, name: string) =>
      page.locator(`.papers .entry[data-row="${data.papers.findIndex((paper) => paper.name === name)}"]`)
    const copied = (page: Page) => page.evaluate<string>('navigator.clipboard.readText()')
    const mayCopy: BrowserContextOptions = { permissions: ['clipboard-read', 'clipboard-write'] }
    const idOf = (name: string) => data.papers.find((paper) => paper.name === name)!.id
    const found = async (page: Page, words: string) => {
      await page.getByRole('searchbox').fill(words)
      await page.locator('.scroll[aria-busy="false"]').waitFor()
      expect(await page.locator('.list-head select').inputValue()).toBe('best')
      expect(await heading(page)).toMatch(/^\d+ papers?$/u)
      return names(page)
    }
    /** Focuses a paper of the list with keys alone. */
    const walkTo = async (page: Page, name: string) => {
      await page.locator('.papers .paper').first().focus()
      for (let step = 0; step < data.papers.length; step++) {
        if ((await page.evaluate("document.activeElement.querySelector('.name')?.textContent")) === name) return
        await page.keyboard.press('ArrowDown')
      }
      throw new Error(`The arrow keys do not reach ${name}.`)
    }
    const saved = async (page: Page, act: () => Promise<void>) => {
      const waiting = page.waitForEvent('download')
      await act()
      const download = await waiting
      const path = join(folder, `${Math.random().toString(36).slice(2)}-${download.suggestedFilename()}`)
      await download.saveAs(path)
      return path
    }

    test('1 find by word: any of the words, best first, with the words highlighted', async () => {
      const { page, complaints } = await open()
      expect((await found(page, 'grasping zebra glass'))[0]).toBe('Grasping Glass')
      expect(await page.locator('.papers .name').first().locator('mark').allTextContents()).toEqual([
        'Grasping',
        'Glass',
      ])
      expect(await page.locator('.list-head').textContent()).toContain('No paper has “zebra”.')
      // A stem, part of a hyphenated word, and the word without its hyphen.
      expect((await found(page, 'rotator'))[0]).toBe('Slow Rotators')
      const drafts = 'Half-Depth Drafts for Faster Decoding on Small Machines'
      for (const words of ['half-depth', 'halfdepth', 'half depth drafts'])
        expect((await found(page, words))[0]).toBe(drafts)
      // A word of the abstract, shown with its sentence.
      const paper = data.papers[7]!
      const word = paper.abstract.match(/\b[a-z]{9,}\b/u)![0]
      await found(page, word)
      expect((await page.locator('.papers mark').first().textContent())!.toLowerCase()).toContain(word.slice(0, 5))
      expect(complaints).toEqual([])
      await page.close()
    })

    test('2 find with a typo, and say what is searched instead', async () => {
      const { page } = await open()
      expect((await found(page, 'methnae ponds'))[0]).toBe('Methane from Thawing Ponds, Counted by Their Bubbles')
      expect(await page.locator('.list-head').textContent()).toContain('No paper has “methnae”: showing “methane”.')
      expect((await found(page, 'segmantation of hedgrows'))[0]).toContain('Hedgerows')
      await page.close()
    })

    test('3 find by question, nearly as the library does', async () => {
      const { page } = await open()
      const library = await PaperLibrary.open()
      await library.add(await readPapers('examples/digest.txt'))
      let same = 0
      const questions = [
        'robots that learn from few demonstrations',
        'how can language models use less memory',
        'melting sea ice',
        'which planets are cold',
        'making pictures faster',
      ]
      for (const question of questions) {
        const { hits } = await library.search(question, { k: 5 })
        const rows = (await found(page, question)).slice(0, 10)
        same += hits.filter(({ paper }) => rows.includes(paper.title)).length
      }
      // Measured: 20 of 25.
      expect(same).toBeGreaterThanOrEqual(17)
      const { hits } = await library.search(questions[0]!, { k: 5 })
      const rows = await found(page, questions[0]!)
      expect(rows[0]).toBe(hits[0]!.paper.title)
      await library.close()
      await page.close()
    })

    test('4 more like this, from the panel, by a key, and of several', async () => {
      const { page, complaints } = await open()
      const { name, id, kin } = data.papers[12]!
      await entry(page, name).locator('.paper').click()
      await page.getByRole('button', { name: 'More like this' }).click()
      await expect.poll(() => heading(page)).toBe('49 papers')
      expect((await names(page)).slice(0, kin.length)).toEqual(kin.map((one) => nameOf(one.id)))
      expect(page.url()).toContain(`like=${encodeURIComponent(id)}`)
      await page.getByRole('button', { name: /^Only papers like Grasping Glass/u }).click()
      await expect.poll(() => heading(page)).toBe('50 papers')
      await walkTo(page, data.papers[20]!.name)
      await page.keyboard.press('m')
      await expect.poll(() => names(page).then((all) => all[0])).toBe(nameOf(data.papers[20]!.kin[0]!.id))
      await page.goto(`${address}#like=${idOf('Slow Rotators')}&like=${data.papers[34]!.id}`)
      await expect.poll(() => heading(page)).toBe('48 papers')
      const near = (await names(page)).slice(0, 5).map((one) => data.papers.find((paper) => paper.name === one)!)
      expect(near.filter(({ area }) => area?.discipline.startsWith('Astronomy')).length).toBeGreaterThanOrEqual(3)
      expect(complaints).toEqual([])
      await page.close()
    })

    test('5 open a topic, by mouse and by keys', async () => {
      const { page } = await open()
      const [topic] = data.topics
      const button = page.getByRole('button', { name: `${topic!.label} ${topic!.size} papers`, exact: true })
      await button.focus()
      await page.keyboard.press('Enter')
      expect(await heading(page)).toBe(`${topic!.size} papers`)
      await page.keyboard.press('Escape')
      await expect.poll(() => heading(page)).toBe('50 papers')
      await button.click()
      expect(await page.locator('.papers .entry').count()).toBe(topic!.size)
      await page.getByRole('button', { name: /^Only in .*: show all topics instead$/u }).click()
      expect(await heading(page)).toBe('50 papers')
      await page.close()
    })

    test('6 compare two papers', async () => {
      const { page, complaints } = await open()
      const one = data.papers[3]!
      const other = data.papers[33]!
      for (const { name } of [one, other]) await page.getByRole('checkbox', { name: `Select ${name}` }).check()
      await page.getByRole('button', { name: 'Compare' }).click()
      const panel = page.getByRole('region', { name: 'Two papers' })
      await panel.waitFor()
      expect(await panel.locator('article .abstract').allTextContents()).toEqual(
        [one, other].flatMap(({ abstract }) => abstract.split(/\n\s*\n/u)),
      )
      const known = one.kin.find(({ id }) => id === other.id)!
      expect(await panel.locator('.facts').first().textContent()).toContain(known.shared.join(', '))
      expect(page.url()).toContain(`compare=${one.id}&compare=${other.id}`)
      await page.keyboard.press('Escape')
      await expect.poll(() => page.locator('.panel').isVisible()).toBe(false)
      expect(complaints).toEqual([])
      await page.close()
    })

    test('7 to 9 star, read and hide, which persist when the page is opened again', async () => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
      const page = await context.newPage()
      await page.goto(address)
      const [one, other, third] = [data.papers[12]!.name, data.papers[13]!.name, data.papers[14]!.name]
      await page.getByRole('button', { name: `Star ${one}` }).click()
      await walkTo(page, other)
      await page.keyboard.press('r')
      await entry(page, third).locator('.paper').click()
      await page.getByRole('button', { name: 'Hide' }).click()
      await expect.poll(() => heading(page)).toBe('49 papers')
      expect(await names(page)).not.toContain(third)
      const again = await context.newPage()
      await again.goto(address)
      await expect.poll(() => heading(again)).toBe('49 papers')
      const pressed = again.getByRole('button', { name: `Star ${one}` })
      expect(await pressed.getAttribute('aria-pressed')).toBe('true')
      expect(await entry(again, other).getAttribute('class')).toContain('read')
      await again.getByLabel('Marks').selectOption('starred')
      expect(await names(again)).toEqual([one])
      await again.getByLabel('Marks').selectOption('hidden')
      expect(await names(again)).toEqual([third])
      await again.locator('.papers .paper').first().focus()
      await again.keyboard.press('h')
      await again.getByLabel('Marks').selectOption('unread')
      expect(await names(again)).toHaveLength(49)
      // Windows stay in step.
      await expect.poll(() => heading(page)).toBe('50 papers')
      await context.close()
    })

    test('warns once if the browser stores nothing, and goes on', async () => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      await page.addInitScript(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused') } })",
      )
      await page.goto(address)
      const [one, other] = [data.papers[12]!.name, data.papers[13]!.name]
      await page.getByRole('button', { name: `Star ${one}` }).click()
      await page.locator('.notice').getByText('This browser stores nothing for this page').waitFor()
      await page.getByRole('checkbox', { name: `Select ${other}` }).check()
      await page.getByRole('button', { name: 'Copy', exact: true }).click()
      await page.locator('.notice').getByText('This browser stores nothing').waitFor({ state: 'hidden' })
      await page.getByRole('button', { name: `Star ${other}` }).click()
      await page.getByLabel('Marks').selectOption('starred')
      expect((await names(page)).sort()).toEqual([one, other].sort())
      expect(await page.locator('.notice').getByText('This browser stores nothing').count()).toBe(0)
      await page.close()
    })

    test('10 and 11 export stars, which recommend reads, and import them elsewhere', async () => {
      const { page } = await open()
      const starred = [data.papers[5]!, data.papers[12]!]
      for (const { name } of starred) await page.getByRole('button', { name: `Star ${name}` }).click()
      await walkTo(page, data.papers[6]!.name)
      await page.keyboard.press('r')
      const menu = page.getByLabel('Stars, keys, colours')
      await menu.click()
      const path = await saved(page, () => page.getByRole('button', { name: 'Save stars as a file' }).click())
      const read = await readPapers(path)
      expect(read.map(({ id, title, abstract, authors }) => ({ id, title, abstract, authors }))).toEqual(
        starred.map(({ id, title, abstract, authors }) => ({ id, title, abstract, authors })),
      )
      const answer = JSON.parse((await run(['recommend', 'examples/digest.txt', '--like', path, '--json'])).stdout)
      expect(answer.liked).toBe(2)
      expect(answer.hits.length).toBeGreaterThan(3)
      for (const { id } of starred) expect(answer.hits.map((hit: { id: string }) => hit.id)).not.toContain(id)
      await page.close()

      const { page: elsewhere } = await open()
      await elsewhere.getByLabel('A file of stars').setInputFiles(path)
      await elsewhere.locator('.notice').getByText('3 marks added').waitFor()
      for (const { name } of starred)
        expect(await elsewhere.getByRole('button', { name: `Star ${name}` }).getAttribute('aria-pressed')).toBe('true')
      expect(await entry(elsewhere, data.papers[6]!.name).getAttribute('class')).toContain('read')
      const bad = join(folder, 'bad.json')
      writeFileSync(bad, '{"a": 1}')
      await elsewhere.getByLabel('A file of stars').setInputFiles(bad)
      await elsewhere.locator('.notice').getByText('not a file of stars').waitFor()
      await elsewhere.close()
    })

    test('12 copy BibTeX, which reads back as the same paper', async () => {
      const { page } = await open('', mayCopy)
      const paper = data.papers[36]!
      await entry(page, paper.name).locator('.paper').click()
      await page.getByRole('group', { name: 'Copy' }).getByRole('button', { name: 'BibTeX' }).click()
      await page.locator('.notice').getByText('Copied 1 paper as BibTeX').waitFor()
      const [read] = await readPapers([{ name: 'copied.bib', content: await copied(page) }])
      const { id, title, abstract, authors, url, categories } = paper
      expect(read).toMatchObject({ id, title, abstract, authors, url, categories })
      await page.close()
    })

    test('13 copy RIS by a key on the way, Markdown and the link', async () => {
      const { page } = await open('', mayCopy)
      const paper = data.papers[39]!
      await walkTo(page, paper.name)
      await page.keyboard.press('c')
      await expect.poll(() => copied(page)).toContain(`@article{${paper.id},`)
      await page.keyboard.press('Enter')
      const copies = page.getByRole('group', { name: 'Copy' })
      await copies.getByRole('button', { name: 'RIS' }).click()
      await expect.poll(() => copied(page)).toContain('TY  - ')
      const [read] = await readPapers([{ name: 'copied.ris', content: await copied(page) }])
      const { id, title, abstract, authors, url } = paper
      expect(read).toMatchObject({ id, title, abstract, authors, url })
      await copies.getByRole('button', { name: 'Markdown' }).click()
      await expect.poll(() => copied(page)).toContain(`](<${url}>)`)
      await copies.getByRole('button', { name: 'Link' }).click()
      await expect.poll(() => copied(page)).toBe(`${url}\n`)
      await page.close()
    })

    test('14 select several and export them, by mouse and by keys', async () => {
      const { page, complaints } = await open()
      await page.getByRole('checkbox', { name: `Select ${data.papers[0]!.name}` }).check()
      await walkTo(page, data.papers[1]!.name)
      await page.keyboard.press('x')
      // Left along the line to the check box.
      await walkTo(page, data.papers[4]!.name)
      await page.keyboard.press('ArrowLeft')
      await page.keyboard.press('Space')
      await page.locator('.selection').getByText('3 selected').waitFor()
      await page.getByLabel('Format').selectOption('RIS')
      const path = await saved(page, () => page.getByRole('button', { name: 'Save', exact: true }).click())
      const read = await readPapers(path)
      expect(read.map(({ id }) => id)).toEqual([0, 1, 4].map((row) => data.papers[row]!.id))
      await page.getByRole('button', { name: 'Select none' }).click()
      expect(await page.locator('.selection').isVisible()).toBe(false)
      await found(page, 'robot')
      await page.getByRole('button', { name: /^Select all/u }).click()
      expect(await page.locator('.selection strong').textContent()).toBe(`${(await names(page)).length} selected`)
      expect(await violations(page)).toEqual([])
      expect(complaints).toEqual([])
      await page.close()
    })

    test('15 select by drawing around papers, by mouse and with Shift', async () => {
      const { page } = await open()
      const box = (await page.getByRole('application').boundingBox())!
      const around = async () => {
        await page.mouse.move(box.x + 4, box.y + 4)
        await page.mouse.down()
        for (const [x, y] of [
          [box.width - 4, 4],
          [box.width - 4, box.height - 4],
          [4, box.height - 4],
          [4, 8],
        ] as const)
          await page.mouse.move(box.x + x, box.y + y, { steps: 3 })
        await page.mouse.up()
      }
      await page.getByRole('button', { name: /drawing around/u }).click()
      await around()
      await page.locator('.selection').getByText('50 selected').waitFor()
      await page.getByRole('button', { name: 'Select none' }).click()
      // Drawing is off again: a drag moves the map.
      await around()
      expect(await page.locator('.selection').isVisible()).toBe(false)
      await page.getByRole('button', { name: 'Show all of the map' }).click()
      await page.keyboard.down('Shift')
      await around()
      await page.keyboard.up('Shift')
      await page.locator('.selection').getByText('50 selected').waitFor()
      await page.close()
    })

    test('16 filter by category and area together, and rare categories are one choice', async () => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      await page.goto(pathToFileURL(join(folder, 'codes.html')).href)
      const category = page.getByLabel('Category')
      expect(await category.locator('option').allTextContents()).toEqual([
        'All categories',
        'cs.CL (17)',
        'cs.LG (17)',
        'Others: 66 with one paper each (50)',
      ])
      await category.selectOption('cs.CL')
      expect(await heading(page)).toBe('17 papers')
      await page.getByLabel('Area').selectOption('Robotics')
      const both = data.papers.filter(({ area }, i) => i % 3 === 0 && area?.discipline === 'Robotics')
      expect(await heading(page)).toBe(`${both.length} paper${both.length === 1 ? '' : 's'}`)
      await category.selectOption('others')
      expect(await heading(page)).toBe(
        `${data.papers.filter(({ area }) => area?.discipline === 'Robotics').length} papers`,
      )
      await page.close()
    })

    test('17 share an address: words, filters, paper and place on the map', async () => {
      const { page } = await open()
      await found(page, 'robot')
      await page.getByLabel('Category').selectOption('cs.CL')
      await page.locator('.papers .paper').nth(1).click()
      await page.locator('.panel h2').waitFor()
      await page.getByRole('button', { name: 'Zoom in' }).click()
      await expect.poll(() => page.url()).toContain('at=')
      const [url, listed, title] = [page.url(), await names(page), await page.title()]
      await page.close()
      const elsewhere = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
      await elsewhere.goto(url)
      await expect.poll(() => names(elsewhere)).toEqual(listed)
      await expect.poll(() => elsewhere.title()).toBe(title)
      expect(await elsewhere.getByRole('searchbox').inputValue()).toBe('robot')
      expect(await elsewhere.getByLabel('Category').inputValue()).toBe('cs.CL')
      expect(elsewhere.url()).toBe(url)
      await elsewhere.close()
    })

    test('18 go back, step by step, and forward', async () => {
      const { page } = await open()
      await page.getByRole('searchbox').pressSequentially('robot')
      await expect.poll(() => page.locator('.list-head select').inputValue()).toBe('best')
      await expect.poll(() => heading(page)).not.toBe('50 papers')
      const listed = await names(page)
      await page.locator('.papers .paper').first().click()
      await page.locator('.panel h2').waitFor()
      await page.goBack()
      await expect.poll(() => page.locator('.panel').isVisible()).toBe(false)
      expect(await names(page)).toEqual(listed)
      await page.goBack()
      await expect.poll(() => heading(page)).toBe('50 papers')
      expect(await page.getByRole('searchbox').inputValue()).toBe('')
      await page.goForward()
      await expect.poll(() => names(page)).toEqual(listed)
      await page.close()
    })

    test('19 print: the map and the topics first', async () => {
      const { page } = await open('', { colorScheme: 'dark' })
      await page.getByLabel('Category').selectOption('cs.LG')
      await page.evaluate("dispatchEvent(new Event('beforeprint'))")
      const parts = await page
        .locator('.printed > *')
        .evaluateAll((all) => (all as unknown as { localName: string }[]).map(({ localName }) => localName))
      expect(parts.slice(0, 5)).toEqual(['h1', 'p', 'canvas', 'ol', 'section'])
      const picked = data.papers.filter((_, i) => i % 3 === 0)
      expect(await page.locator('.printed li strong').count()).toBe(picked.length)
      // On white, in any theme.
      expect(
        await page.evaluate(
          "[...document.querySelector('.printed canvas').getContext('2d').getImageData(1, 1, 1, 1).data].every((v) => v > 240)",
        ),
      ).toBe(true)
      await page.close()
    })

    test('20 by touch: star, select, draw, and every touch target is large enough', async () => {
      const { page, complaints } = await open('', {
        viewport: { width: 390, height: 844 },
        hasTouch: true,
        isMobile: true,
      })
      const [first] = await names(page)
      await page.getByRole('button', { name: `Star ${first}` }).tap()
      expect(await page.getByRole('button', { name: `Star ${first}` }).getAttribute('aria-pressed')).toBe('true')
      await page.getByRole('checkbox', { name: `Select ${first}` }).tap()
      await page.locator('.selection').getByText('1 selected').waitFor()
      const small = await page
        .locator('button:visible, select:visible, summary:visible, .pick-place:visible')
        .evaluateAll((all) =>
          (all as unknown as { getBoundingClientRect(): { width: number; height: number }; outerHTML: string }[])
            .filter((one) => {
              const { width, height } = one.getBoundingClientRect()
              return width > 1 && (width < 43.5 || height < 43.5)
            })
            .map(({ outerHTML }) => outerHTML.slice(0, 120)),
        )
      expect(small).toEqual([])
      await page.getByRole('button', { name: 'Select none' }).tap()
      await page.getByRole('button', { name: /drawing around/u }).tap()
      const box = (await page.getByRole('application').boundingBox())!
      const session = await page.context().newCDPSession(page)
      const touch = (type: string, points: readonly (readonly [number, number])[]) =>
        session.send('Input.dispatchTouchEvent', {
          type: type as 'touchStart',
          touchPoints: points.map(([x, y]) => ({ x: box.x + x, y: box.y + y })),
        })
      await touch('touchStart', [[3, 3]])
      for (const at of [
        [box.width - 3, 3],
        [box.width - 3, box.height - 3],
        [3, box.height - 3],
        [3, 9],
      ] as const)
        await touch('touchMove', [at])
      await touch('touchEnd', [])
      await page.locator('.selection').getByText('50 selected').waitFor()
      expect(complaints).toEqual([])
      await page.close()
    })
  })
})
