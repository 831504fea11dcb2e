// The printed page: the map, its topics, and the papers under their topics.
import { count, longDate } from '../wording.ts'
import { element } from './dom.ts'
import type { Report } from './report.ts'

const mostWhole = 3000

/**
 * Lists rows under their topics; more than 3,000 rows are cut to the typical papers of each topic.
 * @param order positions of the topics, in the order of the list
 * @param picture of the map
 */
export function printedList(
  report: Report,
  rows: readonly number[],
  { order, picture }: { readonly order: readonly number[]; readonly picture: HTMLElement },
): HTMLElement {
  const { core } = report
  const isShort = rows.length > mostWhole
  const byTopic = new Map<number, number[]>()
  for (const row of rows) {
    const known = byTopic.get(core.topicOf[row]!) ?? []
    known.push(row)
    byTopic.set(core.topicOf[row]!, known)
  }
  const listed = [...order, -1].filter((topic) => byTopic.has(topic))
  const headingOf = (topic: number) =>
    `${core.topics[topic]?.label ?? 'In no topic'} (${(byTopic.get(topic) ?? []).length.toLocaleString('en')})`
  const dotOf = (topic: number) =>
    element('span', { class: `dot ${topic < 0 ? 'apart' : `colour-${core.topics[topic]!.colour}`}` })
  return element(
    'div',
    { class: 'printed' },
    element('h1', {}, core.title),
    element(
      'p',
      {},
      isShort
        ? `${count(rows.length, 'paper')}, of which the most typical of each topic are printed.`
        : `${count(rows.length, 'paper')} in ${count(listed.filter((topic) => topic >= 0).length, 'topic')}.`,
    ),
    picture,
    element(
      'ol',
      { class: 'printed-topics' },
      ...listed.map((topic) => element('li', {}, dotOf(topic), headingOf(topic))),
    ),
    ...listed.map((position) => {
      const topic = core.topics[position]
      const all = byTopic.get(position) ?? []
      const printed = isShort ? all.filter((row) => topic?.representatives.includes(row)) : all
      return element(
        'section',
        {},
        element('h2', {}, dotOf(position), headingOf(position)),
        element('ul', {}, ...printed.map((row) => element('li', {}, ...printedPaper(report, row)))),
      )
    }),
  )
}

function printedPaper(report: Report, row: number): HTMLElement[] {
  const { core } = report
  const known = report.known(row)
  const facts = [known?.authors.join(', ') ?? '', longDate(core.dates[row]!), known?.link ?? core.ids[row]]
  return [
    element('strong', {}, core.titles[row]),
    element('span', {}, facts.filter((fact) => fact !== '').join(' · ')),
    ...(known !== undefined && known.abstract !== '' ? [element('p', {}, known.abstract)] : []),
  ]
}
