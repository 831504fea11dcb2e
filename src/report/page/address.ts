// What the reader looks at, as the fragment of the address: it can be shared, bookmarked, and gone back to.
import type { Looking } from './camera.ts'

/** The state of the page; empty parts are left out of the address. Papers are ids. */
export interface Looked {
  readonly words: string
  /** Name of a {@link Choice}. */
  readonly topic: string
  readonly area: string
  readonly category: string
  /** Days, `2026-01-31`. */
  readonly from: string
  readonly to: string
  /** Lists only papers with this mark; hidden papers are listed for `hidden` alone. */
  readonly marked: '' | 'starred' | 'unread' | 'hidden'
  /** Lists papers like these. */
  readonly like: readonly string[]
  readonly order: string
  /** The open paper. */
  readonly paper: string
  /** Two papers side by side. */
  readonly compare: readonly string[]
  /** Middle of the map and its zoom, where the reader moved it: `5000,5000,2.5`. */
  readonly at: string
}

const nothingLooked: Looked = {
  words: '',
  topic: '',
  area: '',
  category: '',
  from: '',
  to: '',
  marked: '',
  like: [],
  order: '',
  paper: '',
  compare: [],
  at: '',
}

export interface Change {
  readonly before: Looked
  readonly next: Looked
  /** Whether any of these parts differs. */
  readonly isChanged: (...names: readonly (keyof Looked)[]) => boolean
  /** Whether the address changed first: opened, typed, or gone back to. */
  readonly isFromAddress: boolean
}

const shortNames: Readonly<Record<keyof Looked, string>> = {
  words: 'q',
  topic: 'topic',
  area: 'area',
  category: 'category',
  from: 'from',
  to: 'to',
  marked: 'marked',
  like: 'like',
  order: 'order',
  paper: 'paper',
  compare: 'compare',
  at: 'at',
}
const names = Object.keys(shortNames) as (keyof Looked)[]

/** `#topic=3&paper=2401.00001`; `#` for the start page. */
function addressOf(looked: Looked): string {
  const parts = names.flatMap((name) =>
    [looked[name]]
      .flat()
      .flatMap((value) => (value === '' ? [] : [`${shortNames[name]}=${encodeURIComponent(value)}`])),
  )
  return `#${parts.join('&')}`
}

/** Reads an address; unknown parts are ignored. */
function lookedAt(hash: string): Looked {
  const parts = new URLSearchParams(hash.slice(1).replaceAll('+', '%2B'))
  const one = (name: keyof Looked) => parts.get(shortNames[name]) ?? ''
  const marked = one('marked')
  return {
    words: one('words'),
    topic: one('topic'),
    area: one('area'),
    category: one('category'),
    from: one('from'),
    to: one('to'),
    marked: marked === 'starred' || marked === 'unread' || marked === 'hidden' ? marked : '',
    like: parts.getAll(shortNames.like),
    order: one('order'),
    paper: one('paper'),
    compare: parts.getAll(shortNames.compare).slice(0, 2),
    at: /^-?[\d.]+,-?[\d.]+,[\d.]+$/u.test(one('at')) ? one('at') : '',
  }
}

/** `5000,5000,2.5` for a place on the map; empty for all of the map. */
export const placeText = (at: Looking | undefined): string =>
  at === undefined ? '' : `${Math.round(at.x)},${Math.round(at.y)},${Number(at.zoom.toFixed(2))}`

/** Reads `5000,5000,2.5`; undefined for an empty text. */
export function placeOf(text: string): Looking | undefined {
  const [x, y, zoom] = text.split(',').map(Number)
  return x === undefined || y === undefined || zoom === undefined ? undefined : { x, y, zoom }
}

/** What the reader looks at now, kept in step with the address. */
export class Navigation {
  readonly #onChange: (change: Change) => void
  #looked: Looked = nothingLooked
  #isOpened = false

  constructor(onChange: (change: Change) => void) {
    this.#onChange = onChange
    window.addEventListener('hashchange', () => this.open())
  }

  get looked(): Looked {
    return this.#looked
  }

  /** Goes where the address says. */
  open(): void {
    const next = lookedAt(location.hash)
    if (this.#isOpened && addressOf(this.#looked) === addressOf(next)) return
    this.#isOpened = true
    this.#follow(next, true)
  }

  /** Changes parts of what the reader looks at. `replace` adds no step to the history, as for typing and moving. */
  go(to: Partial<Looked>, step: 'push' | 'replace' = 'push'): void {
    // Any change but the order moves the map, so its place in the address is dropped.
    const isElsewhere = !('at' in to) && Object.keys(to).some((name) => name !== 'order')
    const next: Looked = { ...this.#looked, ...(isElsewhere && { at: '' }), ...to }
    const hash = addressOf(next)
    if (hash !== (location.hash || '#')) {
      if (step === 'push') location.hash = hash
      else location.replace(hash)
    }
    this.#follow(next, false)
  }

  #follow(next: Looked, isFromAddress: boolean): void {
    const before = this.#looked
    this.#looked = next
    const isChanged = (...changed: readonly (keyof Looked)[]) =>
      changed.some((name) => String(before[name]) !== String(next[name]))
    this.#onChange({ before, next, isChanged, isFromAddress })
  }
}
