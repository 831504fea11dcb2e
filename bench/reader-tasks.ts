// npm run bench -- reader-tasks [--folder DIR] [--only PAGE] [--task N …]: twenty tasks of a reader, done in Chromium on the page of paperkin, in
// Embedding Atlas and on the pages of BERTopic over the same 50 papers, by mouse and by keyboard alone. A step is a click, a
// press of a key, a text that is typed, a choice from a list or a line that is drawn. What cannot be done says why. After
// each task DIR gets a picture. Peers: see setup; those that are not installed are left out.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type BrowserContext, chromium, type Locator, type Page } from 'playwright-core'
import { PaperLibrary } from '../src/library/paper-library.ts'
import type { ReportData } from '../src/report/write-report.ts'
import { readPapers } from '../src/sources/read-papers.ts'
import { asListed, chromiumPath } from '../test/report/browser.ts'
import { saveResult } from './data.ts'

const here = new URL('./peers/report/', import.meta.url).pathname
const port = 5155
/** Gives Embedding Atlas a WebGPU without a graphics card; half floats, which that lacks, become floats. */
const graphics = [
  '--enable-unsafe-webgpu',
  '--enable-unsafe-swiftshader',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--disable-gpu-sandbox',
  '--disable-vulkan-surface',
  '--disable-gpu-compositing',
  '--ignore-gpu-blocklist',
]
const withoutHalfFloats = `(() => {
  if (!navigator.gpu) return
  const wrap = (type, name, made) => (type.prototype[name] = made(type.prototype[name]))
  wrap(GPUSupportedFeatures, 'has', (has) => function (name) { return name === 'shader-f16' || has.call(this, name) })
  wrap(GPUAdapter, 'requestDevice', (ask) => function (o = {}) {
    return ask.call(this, { ...o, requiredFeatures: [...(o.requiredFeatures ?? [])].filter((one) => one !== 'shader-f16') })
  })
  wrap(GPUDevice, 'createShaderModule', (make) => function (o) {
    return make.call(this, { ...o, code: o.code.replace(/enable f16;/g, '').replace(/\\bf16\\b/g, 'f32') })
  })
})()`

/** One thing at a time, counted. */
class Hand {
  readonly page: Page
  steps = 0

  constructor(page: Page) {
    this.page = page
  }

  async click(what: Locator): Promise<void> {
    this.steps++
    await what.click()
  }

  async type(text: string): Promise<void> {
    this.steps++
    await this.page.keyboard.type(text)
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.steps++
      await this.page.keyboard.press(key)
    }
  }

  async choose(list: Locator, option: string): Promise<void> {
    this.steps++
    await list.selectOption(option)
  }

  /** Draws around a box, but for a margin. */
  async drawAround(what: Locator, margin = 6): Promise<void> {
    this.steps++
    const { x, y, width, height } = (await what.boundingBox())!
    const [left, top, right, bottom] = [x + margin, y + margin, x + width - margin, y + height - margin]
    await this.page.mouse.move(left, top)
    await this.page.mouse.down()
    for (const [to, at] of [
      [right, top],
      [right, bottom],
      [left, bottom],
      [left, top + 4],
    ] as const)
      await this.page.mouse.move(to, at, { steps: 5 })
    await this.page.mouse.up()
  }

  /** Presses Tab until something that matches, and starts with a text, has the focus. */
  async tabTo(selector: string, text = '', most = 250): Promise<void> {
    const isThere = `document.activeElement?.matches(${JSON.stringify(selector)}) && document.activeElement.textContent.trim().startsWith(${JSON.stringify(text)})`
    for (let i = 0; i < most; i++) {
      await this.press('Tab')
      if (await this.page.evaluate(isThere)) return
    }
    throw new Error(`Tab does not reach ${selector} ${text}`)
  }
}

/** Does a task; false if the result is not what was asked for. */
type Way = (hand: Hand) => Promise<boolean>

/** How a task is done: by mouse and by keyboard; a text is why it cannot be. */
interface Ways {
  readonly mouse: Way | string
  readonly keys: Way | string
  /** What is missing where it is done in part only. */
  readonly partly?: string
}

const tasks = [
  'find by words, best first',
  'find with a typo',
  'find by a question',
  'more like one paper',
  'open a topic and read its titles',
  'compare two papers',
  'star a paper, kept',
  'mark a paper as read, kept',
  'hide a paper, kept',
  'save the stars as a file',
  'read the stars elsewhere',
  'copy BibTeX of a paper',
  'copy RIS, Markdown and link',
  'select three papers and save them',
  'select by drawing around papers',
  'filter by category and area or topic',
  'share what is looked at',
  'go back a step',
  'print map, topics and papers',
  'star and select by touch',
]

const bothWays = (way: string): Ways => ({ mouse: way, keys: way })

async function saved({ page }: Hand, act: () => Promise<void>): Promise<string> {
  const waiting = page.waitForEvent('download')
  await act()
  return readFileSync(await (await waiting).path(), 'utf8')
}

const copied = (page: Page) => page.evaluate<string>('navigator.clipboard.readText()')

/** How many of the titles are on the paper when the page is printed: those that no box cuts off. */
async function titlesInPrint(page: Page): Promise<number> {
  await page.emulateMedia({ media: 'print' })
  await page.evaluate("dispatchEvent(new Event('beforeprint'))")
  const shown = await page.evaluate<number>(`(() => {
    const { right, bottom } = document.documentElement.getBoundingClientRect()
    const within = (one) => {
      const box = one.getBoundingClientRect()
      return box.width > 0 && box.height > 0 && box.left >= 0 && box.top >= 0 && box.right <= right + 1 && box.bottom <= bottom + 1
    }
    const leaves = [...document.querySelectorAll('body *')].filter((one) => one.childElementCount === 0 && within(one))
    const texts = new Set(leaves.map(({ textContent }) => textContent.trim()))
    return window.titles.filter((title) => texts.has(title)).length
  })()`)
  await page.emulateMedia({ media: null })
  return shown
}

/** A page of others is printed by the browser alone. */
const printsTitles: Ways = {
  mouse: async (hand) => {
    hand.steps++
    return (await titlesInPrint(hand.page)) === 50
  },
  keys: 'as by mouse',
}

/** The least side of what can be tapped. */
const leastTarget = (page: Page, selector: string) =>
  page.evaluate<number>(
    `Math.min(...[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.getBoundingClientRect()).filter(({ width, height, right, bottom }) => width > 1 && height > 1 && right > 0 && bottom > 0).map(({ width, height }) => Math.min(width, height)))`,
  )

// ---- paperkin ----------------------------------------------------------------------------------------------------------

function ours(data: ReportData, wanted: readonly string[]): readonly Ways[] {
  const names = (page: Page) => page.locator('.papers .name').allTextContents()
  const heading = (page: Page) => page.locator('.list h2').textContent()
  const entry = (page: Page, place: number) => page.locator('.papers .entry').nth(place)
  const paper = (page: Page, place: number) => entry(page, place).locator('.paper')
  const star = (page: Page, place: number) => entry(page, place).locator('.star')
  const act = (page: Page, name: string) => page.locator('.panel .actions button').getByText(name, { exact: true })
  const menu = (page: Page) => page.locator('.menu summary')
  const again = async (page: Page) => {
    await page.reload()
    await page.waitForSelector('html[data-ready]')
  }
  /** To the paper at a place of the list, by keys. */
  const walkTo = (hand: Hand, place: number) =>
    hand.press('/', 'ArrowDown', ...Array.from({ length: place }, () => 'ArrowDown'))
  const asks = (text: string, isRight: (names: readonly string[]) => boolean): Ways => {
    const ask = async (hand: Hand) => {
      await hand.type(text)
      await hand.page.locator('.scroll[aria-busy="false"]').waitFor()
      return isRight(await names(hand.page))
    }
    return {
      mouse: async (hand) => {
        await hand.click(hand.page.locator('#words'))
        return ask(hand)
      },
      keys: async (hand) => {
        await hand.press('/')
        return ask(hand)
      },
    }
  }
  const marks = (label: string, letter: string, isKept: (page: Page, name: string) => Promise<boolean>): Ways => {
    const kept = async ({ page }: Hand, name: string) => {
      await page.goto(page.url().replace(/#.*/u, ''))
      await again(page)
      return isKept(page, name)
    }
    return {
      mouse: async (hand) => {
        const name = (await names(hand.page))[1]!
        await hand.click(paper(hand.page, 1))
        await hand.click(act(hand.page, label))
        return kept(hand, name)
      },
      keys: async (hand) => {
        const name = (await names(hand.page))[1]!
        await walkTo(hand, 1)
        await hand.press(letter)
        return kept(hand, name)
      },
    }
  }
  const isLiked = async (page: Page) => {
    await page.locator('.chip[aria-label^="Only papers like"]').waitFor()
    return (await heading(page)) === '49 papers'
  }
  const topic = data.topics[0]!
  const isTopic = async (page: Page) => (await names(page)).length === topic.size
  const isPair = async (page: Page) => {
    await page.getByRole('region', { name: 'Two papers' }).waitFor()
    return (await page.locator('.panel article').count()) === 2
  }
  const starFile = (id: string) => ({
    name: 'stars.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify([{ id, title: id, extra: { starred: true } }])),
  })
  const reads = async (hand: Hand, toButton: () => Promise<void>) => {
    const name = (await names(hand.page))[0]!
    const chooser = hand.page.waitForEvent('filechooser')
    await toButton()
    hand.steps++
    await (await chooser).setFiles(starFile(data.papers.find((one) => one.name === name)!.id))
    await hand.page.locator('.notice').getByText('1 mark added').waitFor()
    return (await star(hand.page, 0).getAttribute('aria-pressed')) === 'true'
  }
  const isCited = async (page: Page, name: string) => {
    const [read] = await readPapers([{ name: `copied.${name}`, content: await copied(page) }])
    return read !== undefined && (await names(page)).includes(read.title)
  }
  const isLink = async (page: Page) => /^https:\S+\n$/u.test(await copied(page))
  const areThree = async (content: string) => (await readPapers([{ name: 'papers.ris', content }])).length === 3
  const area = data.papers[0]!.area!.discipline
  const isFiltered = async (page: Page) =>
    (await names(page)).length ===
    data.papers.filter((one) => one.area?.discipline === area && one.categories?.includes('cs.LG')).length
  const isBack = async ({ page }: Hand) => {
    await page.locator('.panel').waitFor({ state: 'hidden' })
    return true
  }
  const opened = async (page: Page) => {
    await paper(page, 2).click()
    await page.locator('.panel h2').waitFor()
  }
  return [
    asks('grasping zebra glass', ([first]) => first === 'Grasping Glass'),
    asks('methnae ponds', ([first]) => first?.startsWith('Methane from Thawing Ponds') === true),
    asks('robots that learn from few demonstrations', (found) => {
      const top = found.slice(0, 10)
      return wanted.filter((title) => top.includes(title)).length >= 3
    }),
    {
      mouse: async (hand) => {
        await hand.click(paper(hand.page, 1))
        await hand.click(act(hand.page, 'More like this'))
        return isLiked(hand.page)
      },
      keys: async (hand) => {
        await walkTo(hand, 1)
        await hand.press('m')
        return isLiked(hand.page)
      },
    },
    {
      mouse: async (hand) => {
        await hand.click(hand.page.getByRole('button', { name: `${topic.label} ${topic.size} papers`, exact: true }))
        return isTopic(hand.page)
      },
      keys: async (hand) => {
        await hand.tabTo('.topic:not(.group)')
        await hand.press('Enter')
        return (await names(hand.page)).length < 20
      },
    },
    {
      mouse: async (hand) => {
        for (const place of [1, 2]) await hand.click(entry(hand.page, place).locator('.pick'))
        await hand.click(hand.page.getByRole('button', { name: 'Compare' }))
        return isPair(hand.page)
      },
      keys: async (hand) => {
        await walkTo(hand, 1)
        await hand.press('x', 'ArrowDown', 'x')
        await hand.tabTo('.selection .act:last-child')
        await hand.press('Enter')
        return isPair(hand.page)
      },
    },
    marks('Star', 's', async (page) => (await page.locator('.entry .star[aria-pressed="true"]').count()) === 1),
    marks('Read', 'r', async (page) => (await page.locator('.entry.read').count()) === 1),
    marks('Hide', 'h', async (page, name) => !(await names(page)).includes(name)),
    {
      mouse: async (hand) => {
        await star(hand.page, 1).click()
        await hand.click(menu(hand.page))
        const text = await saved(hand, () => hand.click(hand.page.getByText('Save stars as a file')))
        return JSON.parse(text).papers.length === 1
      },
      keys: async (hand) => {
        await star(hand.page, 1).click()
        await hand.page.locator('.skip').focus()
        await hand.tabTo('.menu summary')
        await hand.press('Enter', 'Tab')
        return JSON.parse(await saved(hand, () => hand.press('Enter'))).papers.length === 1
      },
    },
    {
      mouse: (hand) =>
        reads(hand, async () => {
          await hand.click(menu(hand.page))
          await hand.click(hand.page.getByText('Read stars from a file'))
        }),
      keys: (hand) =>
        reads(hand, async () => {
          await hand.tabTo('.menu summary')
          await hand.press('Enter', 'Tab', 'Tab', 'Enter')
        }),
    },
    {
      mouse: async (hand) => {
        await hand.click(paper(hand.page, 1))
        await hand.click(act(hand.page, 'BibTeX'))
        await hand.page.locator('.notice').getByText('Copied').waitFor()
        return isCited(hand.page, 'bib')
      },
      keys: async (hand) => {
        await walkTo(hand, 1)
        await hand.press('c')
        await hand.page.locator('.notice').getByText('Copied').waitFor()
        return isCited(hand.page, 'bib')
      },
    },
    {
      mouse: async (hand) => {
        await hand.click(paper(hand.page, 1))
        await hand.click(act(hand.page, 'RIS'))
        await hand.page.locator('.notice').getByText('as RIS').waitFor()
        const isRis = await isCited(hand.page, 'ris')
        await hand.click(act(hand.page, 'Markdown'))
        await hand.click(act(hand.page, 'Link'))
        await hand.page.locator('.notice').getByText('as Links').waitFor()
        return isRis && (await isLink(hand.page))
      },
      keys: async (hand) => {
        await walkTo(hand, 1)
        await hand.press('Enter')
        await hand.page.locator('.panel h2').waitFor()
        await hand.tabTo('.panel [aria-label="Copy"] button:nth-of-type(2)')
        await hand.press('Enter', 'Tab', 'Enter', 'Tab', 'Enter')
        await hand.page.locator('.notice').getByText('as Links').waitFor()
        return isLink(hand.page)
      },
    },
    {
      mouse: async (hand) => {
        for (const place of [1, 2, 4]) await hand.click(entry(hand.page, place).locator('.pick'))
        await hand.choose(hand.page.getByLabel('Format'), 'RIS')
        return areThree(
          await saved(hand, () => hand.click(hand.page.getByRole('button', { name: 'Save', exact: true }))),
        )
      },
      keys: async (hand) => {
        await walkTo(hand, 1)
        await hand.press('x', 'ArrowDown', 'x', 'ArrowDown', 'x')
        await hand.tabTo('.selection select')
        await hand.press('R', 'Tab', 'Tab')
        return areThree(await saved(hand, () => hand.press('Enter')))
      },
    },
    {
      mouse: async (hand) => {
        await hand.click(hand.page.getByRole('button', { name: /drawing around/u }))
        await hand.drawAround(hand.page.locator('.map'))
        await hand.page.locator('.selection').getByText('50 selected').waitFor()
        return true
      },
      keys: 'drawing is by mouse or finger; x selects papers one by one',
    },
    {
      mouse: async (hand) => {
        await hand.choose(hand.page.getByLabel('Category'), 'cs.LG')
        await hand.choose(hand.page.getByLabel('Area'), area)
        return isFiltered(hand.page)
      },
      keys: async (hand) => {
        await hand.press('/')
        await hand.tabTo('[aria-label="Area"]')
        await hand.type(area)
        await hand.press('Tab')
        await hand.type('cs.LG')
        return isFiltered(hand.page)
      },
    },
    {
      mouse: async (hand) => {
        await opened(hand.page)
        // Copying the address.
        hand.steps++
        const title = await hand.page.locator('.panel h2').textContent()
        const other = await hand.page.context().newPage()
        await other.goto(hand.page.url())
        await other.locator('.panel h2').waitFor()
        const isSame = (await other.locator('.panel h2').textContent()) === title
        await other.close()
        return isSame
      },
      keys: async (hand) => {
        await opened(hand.page)
        hand.steps += 2
        return hand.page.url().includes('paper=')
      },
    },
    {
      mouse: async (hand) => {
        await opened(hand.page)
        hand.steps++
        await hand.page.goBack()
        return isBack(hand)
      },
      keys: async (hand) => {
        await opened(hand.page)
        await hand.press('Escape')
        return isBack(hand)
      },
    },
    {
      mouse: async (hand) => {
        hand.steps++
        return (await titlesInPrint(hand.page)) === 50 && (await hand.page.locator('.printed canvas').count()) === 1
      },
      keys: async (hand) => {
        hand.steps++
        return (await titlesInPrint(hand.page)) === 50
      },
    },
    {
      mouse: async (hand) => {
        await hand.click(star(hand.page, 1))
        await hand.click(entry(hand.page, 2).locator('.pick-place'))
        await hand.page.locator('.selection').getByText('1 selected').waitFor()
        return (await leastTarget(hand.page, 'button, select, summary, .pick-place')) >= 43.5
      },
      keys: '',
    },
  ]
}

// ---- Embedding Atlas ---------------------------------------------------------------------------------------------------

function atlas(data: ReportData): readonly Ways[] {
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).filter({ visible: true })
  const field = (page: Page) => page.locator('input[type="search"]').filter({ visible: true })
  /** The bar of a value in the chart of a column. */
  const bar = (page: Page, value: string) => page.getByRole('button', { name: value }).filter({ visible: true }).first()
  const isLeft = async (page: Page, size: number) => {
    for (let i = 0; i < 100; i++) {
      const text = await page.locator('body').innerText()
      if (Number(/(\d+)\s*\/\s*50\s*points/u.exec(text)?.[1]) === size) return true
      await page.waitForTimeout(250)
    }
    return false
  }
  const topic = data.topics[0]!
  const inTopic = data.papers.filter((one) => one.topic === topic.id)
  const inBoth = inTopic.filter((one) => one.categories?.[0] === 'cs.LG').length
  const asks = (text: string, title: string): Ways => {
    const ask = async (hand: Hand) => {
      await hand.type(text)
      await hand.page
        .getByText(/^(?:No|\d+) results?/u)
        .first()
        .waitFor()
      return (
        (await hand.page.locator('[data-highlight], mark, p, div').getByText(title).filter({ visible: true }).count()) >
          0 && (await hand.page.getByText('No result found').count()) === 0
      )
    }
    return {
      mouse: async (hand) => {
        await hand.click(button(hand.page, 'Search'))
        await hand.click(field(hand.page))
        return ask(hand)
      },
      keys: async (hand) => {
        await hand.tabTo('button[title="Search"], button[aria-label="Search"]')
        await hand.press('Enter')
        await field(hand.page).waitFor()
        await hand.tabTo('input[type="search"]')
        return ask(hand)
      },
    }
  }
  const byTopic = async (hand: Hand) => {
    await hand.tabTo('button', topic.label)
    await hand.press('Enter')
  }
  const threeSaved = async (hand: Hand, toButton: () => Promise<void>) => {
    const text = await saved(hand, toButton)
    return JSON.parse(text).length === 3
  }
  const noMarks = bothWays('papers have no marks')
  const noCitation = bothWays('no citations')
  const drawn = 'drawing is by mouse or finger'
  const found = data.papers.find(({ name }) => name === 'Grasping Glass')!
  return [
    { ...asks('grasping glass', 'Grasping Glass'), partly: 'only papers with all of the words' },
    asks('methnae ponds', 'Methane from Thawing Ponds'),
    asks('robots that learn from few demonstrations', 'Nine Demonstrations'),
    {
      mouse: async (hand) => {
        await hand.click(button(hand.page, 'Search'))
        await hand.click(field(hand.page))
        await hand.type('grasping glass')
        await hand.click(hand.page.getByText('Depth cameras look straight').filter({ visible: true }).first())
        await hand.click(hand.page.getByText('Nearest Neighbors').filter({ visible: true }))
        await hand.page
          .getByText(/neighbors? of|\d+ results/iu)
          .first()
          .waitFor()
        const near = data.papers.find(({ id }) => id === found.kin[0]!.id)!
        return (await hand.page.getByText(near.abstract.slice(0, 30)).filter({ visible: true }).count()) > 0
      },
      keys: 'results cannot be reached by Tab',
    },
    {
      mouse: async (hand) => {
        await hand.click(bar(hand.page, topic.label))
        return isLeft(hand.page, topic.size)
      },
      keys: async (hand) => {
        await byTopic(hand)
        return isLeft(hand.page, topic.size)
      },
    },
    bothWays('no view of two papers'),
    noMarks,
    noMarks,
    noMarks,
    noMarks,
    noMarks,
    noCitation,
    noCitation,
    {
      mouse: async (hand) => {
        const rows = data.papers.map(({ id }) => id).sort()
        await hand.click(bar(hand.page, rows[0]!))
        await hand.page.keyboard.down('Shift')
        for (const id of rows.slice(1, 3)) await hand.click(bar(hand.page, id))
        await hand.page.keyboard.up('Shift')
        if (!(await isLeft(hand.page, 3))) return false
        await hand.click(hand.page.locator('button[title="Export Selection"]'))
        hand.steps++
        await hand.page.locator('select:visible').filter({ hasText: 'Parquet' }).last().selectOption({ label: 'JSON' })
        return threeSaved(hand, () => hand.click(hand.page.getByRole('button', { name: 'Export Selection' }).last()))
      },
      keys: 'several bars need a click with Shift',
      partly: 'as JSON or CSV; found by id',
    },
    {
      mouse: async (hand) => {
        // Points are not drawn without a graphics card, but selected all the same: a part of them, by a rectangle.
        hand.steps++
        const { x, y, width, height } = (await hand.page.locator('canvas').first().boundingBox())!
        await hand.page.keyboard.down('Shift')
        await hand.page.mouse.move(x + 10, y + 60)
        await hand.page.mouse.down()
        await hand.page.mouse.move(x + width / 2, y + height - 30, { steps: 8 })
        await hand.page.mouse.up()
        await hand.page.keyboard.up('Shift')
        await hand.page.waitForTimeout(3000)
        const text = await hand.page.locator('body').innerText()
        const inside = Number(/(\d+)\s*\/\s*50\s*points/u.exec(text)?.[1])
        return inside > 0 && inside < 50
      },
      keys: drawn,
    },
    {
      mouse: async (hand) => {
        await hand.click(bar(hand.page, topic.label))
        await isLeft(hand.page, topic.size)
        await hand.click(bar(hand.page, 'cs.LG'))
        return isLeft(hand.page, inBoth)
      },
      keys: async (hand) => {
        await hand.tabTo('button', 'cs.LG')
        await hand.press('Enter')
        await byTopic(hand)
        return isLeft(hand.page, inBoth)
      },
    },
    {
      mouse: async (hand) => {
        await bar(hand.page, topic.label).click()
        await isLeft(hand.page, topic.size)
        await hand.click(button(hand.page, 'Import / Export'))
        await hand.click(hand.page.getByText('Copy Base64'))
        hand.steps++
        const other = await hand.page.context().newPage()
        await other.goto(`${hand.page.url()}?state=${encodeURIComponent(await copied(hand.page))}`)
        await other
          .getByText(/\d+ points/u)
          .first()
          .waitFor()
        const isSame = await isLeft(other, topic.size)
        await other.close()
        return isSame
      },
      keys: async (hand) => {
        await bar(hand.page, topic.label).click()
        await isLeft(hand.page, topic.size)
        await hand.page.locator('button[title="Show / hide charts"]').focus()
        await hand.tabTo('button[title="Import / Export"], button[aria-label="Import / Export"]')
        await hand.press('Enter')
        await hand.tabTo('button', 'Copy Base64')
        await hand.press('Enter')
        hand.steps++
        return (await copied(hand.page)).length > 20
      },
      partly: 'by a text that is put behind the address',
    },
    {
      mouse: async (hand) => {
        await bar(hand.page, topic.label).click()
        await isLeft(hand.page, topic.size)
        await hand.click(hand.page.locator('button[title="Undo"]'))
        return isLeft(hand.page, 50)
      },
      keys: async (hand) => {
        await bar(hand.page, topic.label).click()
        await isLeft(hand.page, topic.size)
        await hand.press('Control+z')
        return isLeft(hand.page, 50)
      },
      partly: 'by its own button, the browser’s leaves the page',
    },
    printsTitles,
    bothWays('papers have no marks'),
  ]
}

// ---- BERTopic ----------------------------------------------------------------------------------------------------------

function bertopic(): readonly Ways[] {
  const noSearch: Ways = {
    mouse: async ({ page }) => {
      const isFound = await page.evaluate<boolean>(
        `window.find('Grasping Glass') || document.body.innerText.includes('Grasping Glass')`,
      )
      return isFound
    },
    keys: 'titles are in hover texts, which the browser does not search',
  }
  const noKeys = 'nothing in the plot takes the focus'
  const noMarks = bothWays('papers have no marks')
  const legend = (page: Page) => page.locator('.legend .traces')
  const traces = `[...document.querySelectorAll('.js-plotly-plot')[0].data]`
  return [
    noSearch,
    bothWays('no search'),
    bothWays('no search'),
    bothWays('neighbours by eye only'),
    {
      mouse: async (hand) => {
        hand.steps += 2
        await legend(hand.page).nth(1).locator('.legendtoggle').dblclick()
        await hand.page.waitForTimeout(1000)
        return hand.page.evaluate<boolean>(`${traces}.filter(({ visible }) => visible !== 'legendonly').length <= 2`)
      },
      keys: noKeys,
      partly: 'its points stay; titles one by one under the pointer',
    },
    bothWays('no view of two papers'),
    noMarks,
    noMarks,
    noMarks,
    noMarks,
    noMarks,
    bothWays('no citations'),
    bothWays('no citations'),
    bothWays('a selection cannot be saved'),
    {
      mouse: async (hand) => {
        await hand.click(hand.page.locator('.modebar-btn[data-title="Lasso Select"]'))
        await hand.drawAround(hand.page.locator('.nsewdrag').first(), 10)
        await hand.page.waitForTimeout(1000)
        return hand.page.evaluate<boolean>(`${traces}.some(({ selectedpoints }) => selectedpoints?.length > 0)`)
      },
      keys: noKeys,
      partly: 'they stand out; nothing can be done with them',
    },
    bothWays('no filters but topics'),
    {
      mouse: async (hand) => {
        const before = hand.page.url()
        await legend(hand.page).nth(1).locator('.legendtoggle').dblclick()
        return hand.page.url() !== before
      },
      keys: 'the address does not change',
    },
    {
      mouse: async (hand) => {
        await legend(hand.page).nth(1).locator('.legendtoggle').dblclick()
        await hand.page.waitForTimeout(800)
        hand.steps += 2
        await legend(hand.page).nth(1).locator('.legendtoggle').dblclick()
        await hand.page.waitForTimeout(800)
        return hand.page.evaluate<boolean>(`${traces}.every(({ visible }) => visible !== 'legendonly')`)
      },
      keys: noKeys,
      partly: 'by the same double click; the browser’s leaves the page',
    },
    printsTitles,
    bothWays('papers have no marks'),
  ]
}

// ---- the run -----------------------------------------------------------------------------------------------------------

interface Place {
  readonly name: string
  readonly ways: readonly Ways[]
  /** Opens the page, ready to be used. */
  readonly open: (page: Page) => Promise<void>
}

interface Outcome {
  readonly done: boolean
  readonly steps: number
  readonly why: string
}

async function attempt(context: BrowserContext, place: Place, way: Way | string, picture: string): Promise<Outcome> {
  if (typeof way === 'string') return { done: false, steps: 0, why: way }
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  try {
    await place.open(page)
    const hand = new Hand(page)
    const done = await way(hand).catch((error: unknown) => (error as Error).message.split('\n', 1)[0]!)
    await page.screenshot({ path: picture }).catch(() => undefined)
    return {
      done: done === true,
      steps: hand.steps,
      why: done === true ? '' : done === false ? 'not found or not shown' : done,
    }
  } finally {
    await page.close()
  }
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { folder: { type: 'string' }, only: { type: 'string' }, task: { type: 'string', multiple: true } },
  })
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'paperkin-tasks-'))
  mkdirSync(folder, { recursive: true })
  const { data, wanted } = await makePages(folder)
  const python = join(here, '.venv/bin/python')
  const topics = join(here, '../topics/.venv/bin/python')
  const places: Place[] = [
    {
      name: 'paperkin',
      ways: ours(data, wanted),
      open: async (page) => {
        await page.goto(pathToFileURL(join(folder, 'report.html')).href)
        await page.waitForSelector('html[data-ready]')
      },
    },
  ]
  const titles = JSON.stringify(data.papers.map(({ name }) => name))
  let server: ReturnType<typeof spawn> | undefined
  const isAsked = (name: string) => values.only === undefined || values.only === name
  if (isAsked('Embedding Atlas') && existsSync(python)) {
    spawnSync(python, [join(here, 'pages.py'), 'atlas', folder], { stdio: 'inherit' })
    const columns = ['--text', 'text', '--x', 'x', '--y', 'y', '--neighbors', 'neighbors']
    const address = ['--host', '127.0.0.1', '--port', String(port), '--no-auto-port', '--duckdb', 'wasm']
    server = spawn(join(here, '.venv/bin/embedding-atlas'), [join(folder, 'papers.parquet'), ...columns, ...address], {
      stdio: 'ignore',
    })
    await new Promise((resolve) => setTimeout(resolve, 8000))
    places.push({
      name: 'Embedding Atlas',
      ways: atlas(data),
      open: async (page) => {
        await page.addInitScript(withoutHalfFloats)
        await page.goto(`http://127.0.0.1:${port}/`)
        await page.getByText('50 points').first().waitFor({ timeout: 60_000 })
        await page.waitForTimeout(2000)
      },
    })
  } else if (isAsked('Embedding Atlas')) console.log(`left out: Embedding Atlas, as ${python} is not there`)
  if (isAsked('BERTopic') && existsSync(topics)) {
    const made = spawnSync(topics, [join(here, 'pages.py'), 'bertopic', folder], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (made.status !== 0) throw new Error('BERTopic did not make its pages.')
    places.push({
      name: 'BERTopic',
      ways: bertopic(),
      open: async (page) => {
        await page.goto(pathToFileURL(join(folder, 'documents.html')).href)
        await page.locator('.legend .traces').first().waitFor()
      },
    })
  } else if (isAsked('BERTopic')) console.log(`left out: BERTopic, as ${topics} is not there`)
  const browser = await chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox', ...graphics] })
  const rows: object[] = []
  const lines = tasks.map((task, i) => [`${i + 1} ${task}`])
  for (const place of places) {
    if (!isAsked(place.name)) continue
    for (const [i, ways] of place.ways.entries()) {
      if (values.task !== undefined && !values.task.includes(String(i + 1))) continue
      const isTouch = i === 19
      const outcomes: Outcome[] = []
      for (const kind of ['mouse', 'keys'] as const) {
        const context = await browser.newContext({
          reducedMotion: 'reduce',
          viewport: isTouch ? { width: 390, height: 844 } : { width: 1280, height: 800 },
          hasTouch: isTouch,
          permissions: place.name === 'BERTopic' ? [] : ['clipboard-read', 'clipboard-write'],
        })
        await context.addInitScript(`window.titles = ${titles}`)
        const picture = join(folder, `${place.name.replace(' ', '-')}-${i + 1}-${kind}.png`)
        outcomes.push(await attempt(context, place, ways[kind], picture))
        await context.close()
      }
      const [mouse, keys] = outcomes as [Outcome, Outcome]
      rows.push({ page: place.name, task: i + 1, mouse, keys, partly: ways.partly })
      const steps = ({ done, steps }: Outcome) => (done ? String(steps) : '–')
      const why = mouse.done ? (ways.partly === undefined ? '' : ` (${ways.partly})`) : ` (${mouse.why})`
      lines[i]!.push(`${steps(mouse)} / ${steps(keys)}${why}`)
      console.log(
        `${place.name}, ${i + 1}: ${steps(mouse)} / ${steps(keys)}${why}${mouse.done && !keys.done && keys.why !== '' ? ` [keys: ${keys.why}]` : ''}`,
      )
    }
  }
  await browser.close()
  server?.kill()
  for (const line of lines) console.log(`| ${line.join(' | ')} |`)
  console.log(`Pictures: ${folder}`)
  await saveResult('reader-tasks', rows)
}

/** The page of paperkin over the example, and the same papers as the others want them. */
async function makePages(folder: string): Promise<{ readonly data: ReportData; readonly wanted: readonly string[] }> {
  const library = await PaperLibrary.open()
  const papers = await readPapers('examples/digest.txt')
  await library.add(papers.map(asListed))
  const topics = await library.topics({ count: 9, seed: 1, outlierShare: 0.04 })
  await library.report(topics, { path: join(folder, 'report.html'), title: 'Fifty papers' })
  const data: ReportData = JSON.parse(await library.report(topics, { format: 'json' }))
  const rowOf = new Map(data.papers.map(({ id }, row) => [id, row]))
  const vectors: number[] = []
  const records: object[] = []
  for (const { id, title, abstract, authors, categories, published, url, topic, x, y } of data.papers) {
    const { hits } = await library.related(id, { k: 15 })
    vectors.push(...library.vector(id)!)
    records.push({
      ...{ id, title, abstract, published, url, x, y },
      authors: authors?.join('; '),
      category: categories?.[0],
      topic: data.topics.find((one) => one.id === topic)?.label ?? 'In no topic',
      neighbors: {
        ids: hits.map(({ paper }) => rowOf.get(paper.id)),
        distances: hits.map(({ semantic }) => 1 - semantic),
      },
    })
  }
  writeFileSync(join(folder, 'papers.json'), JSON.stringify(records))
  writeFileSync(join(folder, 'vectors.f32'), Float32Array.from(vectors))
  const { hits } = await library.search('robots that learn from few demonstrations', { k: 5 })
  await library.close()
  return { data, wanted: hits.map(({ paper }) => paper.title) }
}
