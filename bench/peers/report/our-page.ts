// The twenty tasks on the page of paperkin.
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { readPapers } from '../../../src/sources/read-papers.ts'
import type { Hand } from './hand.ts'
import type { Way, Ways } from './reader-tasks.ts'

const names = (page: Page) => page.locator('.papers .name').allTextContents()
const line = (page: Page, place: number) => page.locator('.papers .entry').nth(place)
const paper = (page: Page, place: number) => line(page, place).locator('.paper')
const heading = (page: Page) => page.locator('.list h2').textContent()
const panel = (page: Page) => page.locator('.panel h2')
const starIs = (page: Page, place: number) => line(page, place).locator('.star').getAttribute('aria-pressed')

async function saved(page: Page, act: () => Promise<void>): Promise<string> {
  const waiting = page.waitForEvent('download')
  await act()
  return (await waiting).path()
}

const copied = (page: Page) => page.evaluate<string>('navigator.clipboard.readText()')

/** From anywhere to the paper at a place of the list. */
async function toPaper(hand: Hand, place: number): Promise<void> {
  await hand.press('/', 'ArrowDown', ...Array.from({ length: place }, () => 'ArrowDown'))
}

function asks(text: string, isRight: (page: Page) => Promise<boolean>): Ways {
  const answered = async ({ page }: Hand) => {
    await page.locator('.scroll[aria-busy="false"]').waitFor()
    return isRight(page)
  }
  return {
    mouse: async (hand) => {
      await hand.click(hand.page.locator('#words'))
      await hand.type(text)
      return answered(hand)
    },
    keys: async (hand) => {
      await hand.press('/')
      await hand.type(text)
      return answered(hand)
    },
  }
}

/** A mark by the button of the open paper, or by its letter; it stays when the page is opened again. */
function marks(button: string, letter: string, isMarked: (page: Page, name: string) => Promise<boolean>): Ways {
  const stays = async ({ page }: Hand, name: string) => {
    await page.goto(page.url().replace(/#.*/u, ''))
    await page.reload()
    await page.waitForSelector('html[data-ready]')
    return isMarked(page, name)
  }
  return {
    mouse: async (hand) => {
      const name = (await names(hand.page))[1]!
      await hand.click(paper(hand.page, 1))
      await panel(hand.page).waitFor()
      await hand.click(hand.page.locator('.panel .actions button').getByText(button, { exact: true }))
      return stays(hand, name)
    },
    keys: async (hand) => {
      const name = (await names(hand.page))[1]!
      await toPaper(hand, 1)
      await hand.press(letter)
      return stays(hand, name)
    },
  }
}

const citationsAre = async (page: Page, format: string) => {
  const [read] = await readPapers([{ name: `copied.${format}`, content: await copied(page) }])
  return read !== undefined && (await names(page)).includes(read.title)
}

const threeSaved = async (path: string) =>
  (await readPapers([{ name: 'papers.ris', content: readFileSync(path, 'utf8') }])).length === 3

const menu = '.menu summary'

const saveStars: Way = async (hand) => {
  await hand.click(line(hand.page, 1).locator('.star'))
  await hand.click(hand.page.locator(menu))
  const path = await saved(hand.page, () => hand.click(hand.page.getByText('Save stars as a file')))
  return (await readPapers(path.endsWith('.json') ? path : [{ name: 'stars.json', content: readFileSync(path, 'utf8') }])).length === 1
}

const readStars =
  (toButton: (hand: Hand) => Promise<void>): Way =>
  async (hand) => {
    const { page } = hand
    const id = await page.evaluate<string>(`document.querySelector('.papers .entry').dataset.row`)
    const chooser = page.waitForEvent('filechooser')
    await toButton(hand)
    hand.steps++
    const title = await line(page, 0).locator('.name').textContent()
    const papers = JSON.parse(readFileSync(hand.papers, 'utf8')) as { id: string; title: string }[]
    const one = papers.find((paper) => paper.title === title)!
    const content = Buffer.from(JSON.stringify([{ id: one.id, title, extra: { starred: true } }]))
    await (await chooser).setFiles({ name: 'stars.json', mimeType: 'application/json', buffer: content })
    await page.locator(`.entry[data-row="${id}"] .star[aria-pressed="true"]`).waitFor({ timeout: 3000 })
    return true
  }

export const ourPage: Readonly<Record<number, Ways>> = {
  1: asks('grasping zebra glass', async (page) => (await page.locator('.papers .name').first().locator('mark').allTextContents()).join(' ') === 'Grasping Glass'),
  2: asks('methnae ponds', async (page) => (await names(page))[0]!.startsWith('Methane from Thawing Ponds')),
  3: asks('robots that learn from few demonstrations', async (page) => {
    const found = (await names(page)).slice(0, 10)
    return (await page.evaluate<string[]>('window.wanted')).filter((title) => found.includes(title)).length >= 3
  }),
  4: {
    mouse: async (hand) => {
      await hand.click(paper(hand.page, 1))
      await hand.click(hand.page.getByRole('button', { name: 'More like this' }))
      await hand.page.locator('.chip[aria-label^="Only papers like"]').waitFor()
      return (await heading(hand.page)) === '49 papers'
    },
    keys: async (hand) => {
      await toPaper(hand, 1)
      await hand.press('m')
      await hand.page.locator('.chip[aria-label^="Only papers like"]').waitFor()
      return (await heading(hand.page)) === '49 papers'
    },
  },
}
