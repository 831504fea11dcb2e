// What is new, above the topics. Each entry unfolds to its papers.
import type { PageNews } from '../page-data.ts'
import { nothingFrequent } from '../wording.ts'
import { button, element, pointing } from './dom.ts'
import type { Report } from './report.ts'

interface Events {
  readonly onPaper: (row: number) => void
  readonly onPoint: (row: number) => void
}

const mostPapers = 100

/** The section; empty if the report has no news. */
export function newsSection(report: Report, events: Events): HTMLElement[] {
  const { news } = report.core
  if (news === null) return []
  const { compared, frequent, unlike } = news
  const hasNews = frequent.length > 0 || unlike.length > 0
  const thing = (one: PageNews) =>
    element(
      'li',
      {},
      element(
        'details',
        {},
        element('summary', {}, one.name, element('span', { class: 'figures' }, one.figures)),
        paperList(report, one.rows.slice(0, mostPapers), events),
      ),
    )
  return [
    element(
      'details',
      { class: 'news', open: hasNews },
      element('summary', {}, element('h2', {}, 'What is new')),
      element('p', { class: 'note' }, compared),
      ...(frequent.length > 0
        ? [element('h3', {}, 'More frequent than before'), element('ul', {}, ...frequent.map(thing))]
        : hasNews
          ? [element('p', { class: 'note' }, nothingFrequent)]
          : []),
      ...(unlike.length > 0
        ? [
            element('h3', {}, 'Unlike any earlier paper'),
            element('ul', {}, ...unlike.map((one) => alone(report, one, events))),
          ]
        : []),
    ),
  ]
}

function alone(report: Report, { name, figures, rows }: PageNews, events: Events): HTMLElement {
  const [row] = rows
  return element(
    'li',
    {},
    row === undefined ? element('p', { class: 'note' }, name) : paperButton(report, row, events),
    element('p', { class: 'figures' }, figures),
  )
}

function paperList(report: Report, rows: readonly number[], events: Events): HTMLElement {
  return element('ul', { class: 'few' }, ...rows.map((row) => element('li', {}, paperButton(report, row, events))))
}

function paperButton({ core }: Report, row: number, events: Events): HTMLButtonElement {
  const topic = core.topics[core.topicOf[row]!]
  const made = button(
    { class: 'paper' },
    () => events.onPaper(row),
    element('span', { class: `dot ${topic === undefined ? 'apart' : `colour-${topic.colour}`}` }),
    element('span', { class: 'name' }, core.titles[row]),
  )
  pointing(made, row, events.onPoint)
  return made
}
