// The content of the panel: one paper with its actions and its kin, or two papers side by side.
import type { PageKin } from '../page-data.ts'
import { longDate, shortScore } from '../wording.ts'
import { type CitationFormat, citationFormats, searches } from './citations.ts'
import { button, element, pointing, svg } from './dom.ts'
import type { Mark, Marks } from './marks.ts'
import { star } from './paper-list.ts'
import type { FullPaper, Report } from './report.ts'

export interface PanelEvents {
  readonly onClose: () => void
  readonly onPaper: (row: number) => void
  readonly onTopic: (position: number) => void
  /** One of the kin is pointed at, or none (-1). */
  readonly onPoint: (row: number) => void
  readonly onMark: (row: number, mark: Mark) => void
  readonly onPick: (row: number) => void
  readonly onLike: (row: number) => void
  readonly onCopy: (row: number, format: CitationFormat) => void
}

/** State of the page that the panel shows. */
export interface PanelState {
  readonly marks: Marks
  readonly isPicked: boolean
  /** A text with the searched words highlighted. */
  readonly marked: (text: string) => readonly (Node | string)[]
}

/** `missing` if the file was cut off before it; undefined while it is being read. */
type Whole = FullPaper | 'missing' | undefined

/** A paper of a comparison. */
export interface PanelPaper {
  readonly row: number
  readonly paper: Whole
}

const nothingKnown: FullPaper = { abstract: '', authors: [], link: '', kin: [] }

/** The panel's content for a paper. */
export function paperPanel(
  report: Report,
  row: number,
  { paper, state, events }: { readonly paper: Whole; readonly state: PanelState; readonly events: PanelEvents },
): HTMLElement[] {
  const { core } = report
  const { kin } = typeof paper === 'object' ? paper : nothingKnown
  return [
    element('div', { class: 'panel-bar' }, topicChip(report, row, events.onTopic), closing(events.onClose)),
    element('h2', { id: 'paper-title', tabindex: -1 }, ...state.marked(core.titles[row]!)),
    ...about(report, row, paper, state),
    actions(report, row, state, events),
    ...abstractOf(paper, state),
    ...(kin.length > 0
      ? [
          element('h3', {}, 'Nearest kin'),
          element('ol', { class: 'kin' }, ...kin.map((one) => element('li', {}, kinButton(report, one, events)))),
          key(core.weights),
        ]
      : []),
  ]
}

/** The panel's content for two papers. */
export function comparePanel(
  report: Report,
  pair: readonly [PanelPaper, PanelPaper],
  {
    similarity,
    state,
    events,
  }: { readonly similarity: number; readonly state: PanelState; readonly events: PanelEvents },
): HTMLElement[] {
  const [one, other] = pair
  const kinOf = ({ paper }: PanelPaper) => (typeof paper === 'object' ? paper.kin : [])
  const known = kinOf(one).find(({ row }) => row === other.row) ?? kinOf(other).find(({ row }) => row === one.row)
  const meaning = known === undefined ? `about ${shortScore(similarity)}` : shortScore(known.semantic / 1000)
  const { lexical, shared = [] } = known ?? {}
  const facts = [
    `Meaning ${meaning}`,
    ...(lexical === undefined ? [] : [`words ${shortScore(lexical / 1000)}`]),
    ...(shared.length > 0 ? [`both: ${shared.join(', ')}`] : []),
  ]
  const both = kinOf(one).flatMap(({ row }) => (kinOf(other).some((kin) => kin.row === row) ? [row] : []))
  return [
    element(
      'div',
      { class: 'panel-bar' },
      element('h2', { id: 'paper-title', tabindex: -1, class: 'small' }, 'Two papers'),
      closing(events.onClose),
    ),
    element('p', { class: 'facts' }, facts.join(' · ')),
    element(
      'div',
      { class: 'pair' },
      ...pair.map(({ row, paper }) =>
        element(
          'article',
          {},
          topicChip(report, row, events.onTopic),
          element(
            'h3',
            {},
            button({ class: 'paper' }, () => events.onPaper(row), element('span', {}, report.core.titles[row])),
          ),
          ...about(report, row, paper, state),
          ...abstractOf(paper, state),
        ),
      ),
    ),
    ...(both.length > 0
      ? [
          element('h3', {}, 'Kin of both'),
          element('ul', { class: 'few' }, ...both.map((row) => element('li', {}, titleButton(report, row, events)))),
        ]
      : []),
  ]
}

const closing = (onClose: () => void) =>
  button({ class: 'icon', 'aria-label': 'Close the paper (Escape)', title: 'Close (Esc)' }, onClose, cross())

/** Authors, date, categories, link and area. */
function about(report: Report, row: number, paper: Whole, state: PanelState): HTMLElement[] {
  const { core } = report
  const { authors, link } = typeof paper === 'object' ? paper : nothingKnown
  const categories = core.categoriesOf[row]!.map((position) => core.categories[position]!)
  const facts = [longDate(core.dates[row]!), categories.join(', ')].filter((fact) => fact !== '')
  const line = element('p', { class: 'facts' }, facts.join(' · '))
  if (facts.length > 0) line.append(' · ')
  if (link !== '') line.append(outside(link, shownLink(link, core.ids[row]!)))
  else if (typeof paper === 'object') {
    const [arxiv, scholar] = searches(core.titles[row]!)
    line.append('Find it on ', outside(arxiv.link, arxiv.name), ' or ', outside(scholar.link, scholar.name))
  } else line.append(core.ids[row]!)
  const areas: string[] = []
  for (let at = core.areaOf[row]!; at >= 0; at = core.areas[at]!.parent) areas.push(core.areas[at]!.name)
  return [
    ...(authors.length > 0 ? [element('p', { class: 'authors' }, ...state.marked(authors.join(', ')))] : []),
    line,
    ...(areas.length > 0 ? [element('p', { class: 'facts' }, areas.join(' · '))] : []),
  ]
}

const outside = (href: string, text: string) =>
  element('a', { href, rel: 'noopener noreferrer', target: '_blank' }, text)

function abstractOf(paper: Whole, state: PanelState): HTMLElement[] {
  const { abstract } = typeof paper === 'object' ? paper : nothingKnown
  if (abstract !== '')
    return abstract
      .split(/\n\s*\n/u)
      .map((text) => element('p', { class: 'abstract', dir: 'auto' }, ...state.marked(text)))
  const without =
    paper === undefined
      ? 'Reading …'
      : paper === 'missing'
        ? 'This file is incomplete: the abstract is missing.'
        : 'This paper came without an abstract.'
  return [element('p', { class: 'note' }, without)]
}

/** The buttons: star, read, hide, select, more like this, copy. */
function actions({ core }: Report, row: number, { marks, isPicked }: PanelState, events: PanelEvents): HTMLElement {
  const id = core.ids[row]!
  const mark = (name: Mark, label: string, ...children: readonly Node[]) =>
    button(
      { class: 'act', 'aria-pressed': String(marks.has(name, id)), 'data-mark': name },
      () => events.onMark(row, name),
      ...children,
      label,
    )
  return element(
    'div',
    { class: 'actions' },
    element(
      'div',
      {},
      mark('starred', 'Star', star()),
      mark('read', 'Read'),
      mark('hidden', 'Hide'),
      button(
        { class: 'act', 'aria-pressed': String(isPicked), 'data-mark': 'picked' },
        () => events.onPick(row),
        'Select',
      ),
      button({ class: 'act' }, () => events.onLike(row), 'More like this'),
    ),
    element(
      'div',
      { role: 'group', 'aria-label': 'Copy' },
      element('span', { class: 'what', 'aria-hidden': 'true' }, 'Copy'),
      ...citationFormats.map((format) =>
        button({ class: 'act' }, () => events.onCopy(row, format), format === 'Links' ? 'Link' : format),
      ),
    ),
  )
}

function topicChip({ core }: Report, row: number, onTopic: (position: number) => void): HTMLElement {
  const topic = core.topicOf[row]!
  if (topic < 0) {
    const nearest = core.topics[core.nearest[row] ?? -1]
    return element(
      'span',
      { class: 'chip' },
      nearest === undefined ? 'In no topic' : `In no topic, nearest to ${nearest.label}`,
    )
  }
  const { label, colour } = core.topics[topic]!
  return button(
    { class: 'chip', title: 'Show this topic', 'aria-label': `Topic ${label}: show it` },
    () => onTopic(topic),
    element('span', { class: `dot colour-${colour}` }),
    element('span', {}, label),
  )
}

function titleButton({ core }: Report, row: number, events: PanelEvents): HTMLElement {
  const topic = core.topics[core.topicOf[row]!]
  const made = button(
    { class: 'paper' },
    () => events.onPaper(row),
    element('span', { class: `dot ${topic === undefined ? 'apart' : `colour-${topic.colour}`}` }),
    element('span', {}, core.titles[row]),
  )
  pointing(made, row, events.onPoint)
  return made
}

function kinButton({ core }: Report, { row, semantic, lexical, shared }: PageKin, events: PanelEvents): HTMLElement {
  const [meaningWeight, wordWeight] = core.weights
  const meaning = (meaningWeight * semantic) / 1000
  const words = (wordWeight * lexical) / 1000
  const score = shortScore(meaning + words)
  const topic = core.topics[core.topicOf[row]!]
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
  pointing(made, row, events.onPoint)
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

/** A link in short: `arXiv 2401.00001`, or its host. */
function shownLink(link: string, id: string): string {
  const { hostname, pathname } = new URL(link)
  return hostname === 'arxiv.org'
    ? `arXiv ${id}`
    : `${hostname.replace(/^www\./u, '')}${pathname.length > 1 ? ' ↗' : ''}`
}

export const cross = () =>
  svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: 'M3.5 3.5l9 9m0-9l-9 9' }))
