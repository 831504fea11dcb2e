// One paper: what is known of it, and its kin, from each of which one walks on.
import type { PageKin } from '../page-data.ts'
import { longDate, shortScore } from '../wording.ts'
import { button, element, svg } from './dom.ts'
import type { FullPaper, Report } from './report.ts'

interface PanelEvents {
  readonly onClose: () => void
  readonly onPaper: (row: number) => void
  readonly onTopic: (position: number) => void
  /** A kin is pointed at, or none (-1). */
  readonly onPoint: (row: number) => void
}

/** The inside of the panel for a paper, of which not all may be read yet, or ever. */
export function paperPanel(
  report: Report,
  row: number,
  paper: FullPaper | 'missing' | undefined,
  events: PanelEvents,
): HTMLElement[] {
  const { core } = report
  const { abstract, authors, link, kin } =
    typeof paper === 'object' ? paper : { abstract: '', authors: [], link: '', kin: [] }
  const heading = element('h2', { id: 'paper-title', tabindex: -1 }, core.titles[row])
  const bar = element(
    'div',
    { class: 'panel-bar' },
    topicChip(report, row, events.onTopic),
    button({ class: 'icon', 'aria-label': 'Close the paper (Escape)', title: 'Close (Esc)' }, events.onClose, cross()),
  )
  const categories = core.categoriesOf[row].map((position) => core.categories[position])
  const facts = [longDate(core.dates[row]), categories.join(', ')].filter((fact) => fact !== '')
  const about = element('p', { class: 'facts' }, facts.join(' · '))
  if (link !== '') {
    if (facts.length > 0) about.append(' · ')
    about.append(
      element('a', { href: link, rel: 'noopener noreferrer', target: '_blank' }, shownLink(link, core.ids[row])),
    )
  } else about.append(facts.length > 0 ? ' · ' : '', core.ids[row])
  const without =
    paper === undefined
      ? 'Reading …'
      : paper === 'missing'
        ? 'This file is not whole: the abstract is missing in it.'
        : 'This paper came without an abstract.'
  const texts = abstract === '' ? [without] : abstract.split(/\n\s*\n/u)
  return [
    bar,
    heading,
    ...(authors.length > 0 ? [element('p', { class: 'authors' }, authors.join(', '))] : []),
    about,
    ...areaLine(report, row),
    ...texts.map((text) => element('p', { class: abstract === '' ? 'note' : 'abstract', dir: 'auto' }, text)),
    ...(kin.length > 0
      ? [
          element('h3', {}, 'Nearest kin'),
          element('ol', { class: 'kin' }, ...kin.map((one) => element('li', {}, kinButton(report, one, events)))),
          key(core.weights),
        ]
      : []),
  ]
}

/** The area of a paper and what that stands in; nothing where the map has nothing near. */
function areaLine({ core }: Report, row: number): HTMLElement[] {
  const names: string[] = []
  for (let at = core.areaOf[row]; at >= 0; at = core.areas[at].parent) names.push(core.areas[at].name)
  return names.length > 0 ? [element('p', { class: 'facts' }, names.join(' · '))] : []
}

function topicChip({ core }: Report, row: number, onTopic: (position: number) => void): HTMLElement {
  const topic = core.topicOf[row]
  if (topic < 0) {
    const nearest = core.topics[core.nearest[row]]
    return element(
      'span',
      { class: 'chip' },
      nearest === undefined ? 'In no topic' : `In no topic, nearest to ${nearest.label}`,
    )
  }
  const { label, colour } = core.topics[topic]
  return button(
    { class: 'chip', title: 'Show this topic', 'aria-label': `Topic ${label}: show it` },
    () => onTopic(topic),
    element('span', { class: `dot colour-${colour}` }),
    element('span', {}, label),
  )
}

function kinButton({ core }: Report, [row, semantic, lexical, ...shared]: PageKin, events: PanelEvents): HTMLElement {
  const [meaningWeight, wordWeight] = core.weights
  const meaning = (meaningWeight * semantic) / 1000
  const words = (wordWeight * lexical) / 1000
  const score = shortScore(meaning + words)
  const topic = core.topics[core.topicOf[row]]
  const parts = `meaning ${shortScore(semantic / 1000)}, words ${shortScore(lexical / 1000)}`
  const bar = svg('svg', { class: 'parts', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' })
  const wide = (share: number) => Math.max(0, Math.min(100, 100 * share))
  bar.append(
    svg('rect', { class: 'rest', width: 100, height: 4 }),
    svg('rect', { class: 'meaning', width: wide(meaning), height: 4 }),
    svg('rect', { class: 'words', x: wide(meaning), width: wide(words), height: 4 }),
  )
  const made = button(
    { class: 'kin-paper' },
    () => events.onPaper(row),
    element('span', { class: 'score', title: parts }, score),
    element('span', { class: `dot ${topic === undefined ? 'apart' : `colour-${topic.colour}`}` }),
    element('span', { class: 'kin-title' }, core.titles[row]),
    element('span', { class: 'detail' }, parts, shared.length > 0 && ` · ${shared.join(', ')}`),
    bar,
  )
  made.addEventListener('pointerenter', () => events.onPoint(row))
  made.addEventListener('focus', () => events.onPoint(row))
  made.addEventListener('pointerleave', () => events.onPoint(-1))
  made.addEventListener('blur', () => events.onPoint(-1))
  return made
}

function key([meaning, words]: readonly [number, number]): HTMLElement {
  return element(
    'p',
    { class: 'key' },
    element('span', { class: 'swatch meaning' }),
    `${shortScore(meaning)} × meaning (cosine of the embeddings)`,
    element('br'),
    element('span', { class: 'swatch words' }),
    `${shortScore(words)} × words (cosine of weighted word stems)`,
  )
}

/** A link as people read it. */
function shownLink(link: string, id: string): string {
  const { hostname, pathname } = new URL(link)
  return hostname === 'arxiv.org'
    ? `arXiv ${id}`
    : `${hostname.replace(/^www\./u, '')}${pathname.length > 1 ? ' ↗' : ''}`
}

export const cross = () =>
  svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: 'M3.5 3.5l9 9m0-9l-9 9' }))
